//! Bodies as real peers send them, after traces that their users and makers published; addresses are documentation
//! ones. The last two are composed: a hold, and what strict readers refuse.

/// Name and body of each.
pub const ALL: &[(&str, &str)] = &[
    // A Cisco gateway's re-INVITE: `:0` for what it has not, a datagram of 180.
    (
        "cisco",
        "v=0\no=CiscoSystemsSIP-GW-UserAgent 3745 9509 IN IP4 192.0.2.2\ns=SIP Call\nc=IN IP4 192.0.2.2\nt=0 0\nm=image 17682 udptl t38\nc=IN IP4 192.0.2.2\na=T38FaxVersion:0\na=T38MaxBitRate:7200\na=T38FaxFillBitRemoval:0\na=T38FaxTranscodingMMR:0\na=T38FaxTranscodingJBIG:0\na=T38FaxRateManagement:transferredTCF\na=T38FaxMaxBuffer:200\na=T38FaxMaxDatagram:180\na=T38FaxUdpEC:t38UDPRedundancy\n",
    ),
    // A Cisco gateway's capabilities in OPTIONS: both streams closed, a datagram of 72.
    (
        "cisco_capabilities",
        "v=0\no=CiscoSystemsSIP-GW-UserAgent 3830 7875 IN IP4 192.0.2.120\ns=SIP Call\nc=IN IP4 192.0.2.120\nt=0 0\nm=audio 0 RTP/AVP 18 0 8 4 2 15 3\nc=IN IP4 192.0.2.120\nm=image 0 udptl t38\nc=IN IP4 192.0.2.120\na=T38FaxVersion:0\na=T38MaxBitRate:9600\na=T38FaxFillBitRemoval:0\na=T38FaxTranscodingMMR:0\na=T38FaxTranscodingJBIG:0\na=T38FaxRateManagement:transferredTCF\na=T38FaxMaxBuffer:200\na=T38FaxMaxDatagram:72\na=T38FaxUdpEC:t38UDPRedundancy\n",
    ),
    // An AudioCodes gateway: T.38 over RTP as a payload of an audio stream, which we do not speak.
    (
        "audiocodes_t38_over_rtp",
        "v=0\no=AudiocodesGW 1357424688 1357424660 IN IP4 192.0.2.68\ns=Phone-Call\nc=IN IP4 192.0.2.68\nt=0 0\nm=audio 6080 RTP/AVP 18 100 96\na=ptime:20\na=sendrecv\na=rtpmap:18 G729/8000\na=fmtp:18 annexb=no\na=rtpmap:100 t38/8000\na=fmtp:100 T38FaxVersion=0\na=fmtp:100 T38MaxBitRate=0\na=fmtp:100 T38FaxMaxBuffer=3000\na=fmtp:100 T38FaxMaxDatagram=122\na=fmtp:100 T38FaxRateManagement=transferredTCF\na=fmtp:100 T38FaxUdpEC=t38UDPRedundancy\na=fmtp:100 AcUdptl\na=rtpmap:96 telephone-event/8000\na=fmtp:96 0-15\n",
    ),
    // An AudioCodes SBC's first INVITE.
    (
        "audiocodes_audio",
        "v=0\no=AudiocodesGW 941448041 941448012 IN IP4 192.0.2.27\ns=Phone-Call\nc=IN IP4 192.0.2.27\nt=0 0\nm=audio 6850 RTP/AVP 8 101\nc=IN IP4 192.0.2.27\na=sendrecv\na=ptime:20\na=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n",
    ),
    // An Asterisk with redundancy, as its pjsip stack writes it.
    (
        "asterisk",
        "v=0\no=- 1545997027 1545997028 IN IP4 192.0.2.30\ns=Asterisk\nc=IN IP4 192.0.2.30\nt=0 0\nm=image 4321 udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:14400\na=T38FaxRateManagement:transferredTCF\na=T38FaxMaxDatagram:397\na=T38FaxUdpEC:t38UDPRedundancy\n",
    ),
    // A FreeSWITCH behind rtpengine: flags without a value.
    (
        "freeswitch",
        "v=0\no=name 1614699264 1614699267 IN IP4 192.0.2.230\ns=name\nc=IN IP4 192.0.2.230\nt=0 0\nm=image 20334 udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:14400\na=T38FaxFillBitRemoval\na=T38FaxRateManagement:transferredTCF\na=T38FaxMaxBuffer:2000\na=T38FaxMaxDatagram:400\na=T38FaxUdpEC:t38UDPRedundancy\n",
    ),
    // A provider in front of rtpengine: version 1, two ways of error correction, a ptime that means nothing.
    (
        "rtpengine",
        "v=0\no=- 267579187 183479480 IN IP4 192.0.2.155\ns=call\nc=IN IP4 192.0.2.155\nt=0 0\nm=image 18288 udptl t38\na=T38FaxVersion:1\na=T38MaxBitRate:14400\na=T38FaxTranscodingMMR\na=T38FaxTranscodingJBIG\na=T38FaxRateManagement:transferredTCF\na=T38FaxUdpEC:t38UDPRedundancy\na=T38FaxUdpEC:t38UDPFEC\na=T38FaxMaxDatagram:512\na=sendrecv\na=ptime:20\n",
    ),
    // rtpengine's own, asked for FEC.
    (
        "fec_only",
        "v=0\no=- 1545997027 1 IN IP4 198.51.100.1\ns=tester\nt=0 0\nm=image 4008 udptl t38\nc=IN IP4 198.51.100.1\na=sendrecv\na=T38FaxVersion:0\na=T38MaxBitRate:14400\na=T38FaxRateManagement:transferredTCF\na=T38FaxMaxBuffer:262\na=T38FaxMaxDatagram:300\na=T38FaxUdpEC:t38UDPFEC\n",
    ),
    // A DIDWW SBC: audio and image in one offer.
    (
        "didww",
        "v=0\no=- 1869739744 1869739744 IN IP4 192.0.2.78\ns=-\nt=0 0\nm=audio 13960 RTP/AVP 0 8 18 4 101\nc=IN IP4 192.0.2.78\na=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\na=rtpmap:18 G729/8000\na=fmtp:18 annexb=no\na=rtpmap:4 G723/8000\na=rtpmap:101 telephone-event/8000\na=sendrecv\na=ptime:20\na=direction:both\nm=image 13962 udptl t38\nc=IN IP4 192.0.2.78\na=sendrecv\na=T38FaxMaxDatagram:612\na=T38FaxRateManagement:transferredTCF\na=T38FaxUdpEC:t38UDPRedundancy\na=T38FaxVersion:0\na=T38MaxBitRate:14400\na=direction:both\n",
    ),
    // A softswitch: the image first, both on one port, FEC named before redundancy.
    (
        "image_first",
        "v=0\no=userX 20000001 20000001 IN IP4 192.0.2.51\ns=-\nc=IN IP4 192.0.2.51\nt=0 0\nm=image 49152 udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:14400\na=T38FaxRateManagement:transferredTCF\na=T38FaxMaxBuffer:4000\na=T38FaxMaxDatagram:1008\na=T38FaxUdpEC:t38UDPFEC\na=T38FaxUdpEC:t38UDPRedundancy\nm=audio 49152 RTP/AVP 0 8\na=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\na=ptime:20\na=silenceSupp:off - - - -\n",
    ),
    // A Dialogic fax server: every optional line, the encoding in small letters.
    (
        "dialogic",
        "v=0\no=username 2209448059 0759125174 IN IP4 192.0.2.12\ns=session_name\ni=session_description\nu=user@brooktrout.example\ne=email@brooktrout.example\np=+1-4085551212\nt=0 0\nm=audio 56004 RTP/AVP 0\nc=IN IP4 192.0.2.109\na=rtpmap:0 pcmu/8000\nm=image 56004 udptl t38\nc=IN IP4 192.0.2.109\na=T38FaxVersion:0\na=T38MaxBitRate:14400\na=T38FaxRateManagement:transferredTCF\na=T38FaxUdpEC:t38UDPRedundancy\n",
    ),
    // Sofia-SIP's own: no s=, no t=, the transport in capitals, a closed image before an open one.
    (
        "sofia_two_images",
        "v=0\no=a 432432423423 2 IN IP4 192.0.2.2\nc=IN IP4 192.0.2.2\nm=image 0 UDPTL t38\nm=image 5004 UDPTL t38\na=T38FaxVersion:0\na=T38MaxBitRate:9600\na=T38FaxFillBitRemoval:0\na=T38FaxTranscodingMMR:0\na=T38FaxTranscodingJBIG:0\na=T38FaxRateManagement:transferredTCF\na=T38FaxMaxDatagram:400\n",
    ),
    // A carrier's re-INVITE through rtpengine: the audio closed, hardly a parameter.
    (
        "bare",
        "v=0\no=UserA 3272146361 4237707437 IN IP4 192.0.2.22\ns=Session SDP\nc=IN IP4 192.0.2.22\nt=0 0\nm=audio 0 RTP/AVP 8 101\nm=image 49158 udptl t38\nc=IN IP4 192.0.2.22\na=T38FaxVersion:0\na=T38FaxRateManagement:transferredTCF\n",
    ),
    // IPv6, and T.38 over TCP beside it, which we do not speak.
    (
        "ipv6_and_tcp",
        "v=0\no=- 3 3 IN IP6 2001:db8::1\ns=example\nc=IN IP6 2001:db8::1\nt=0 0\nm=image 4004 tcp t38\na=T38FaxVersion:4\na=T38FaxRateManagement:localTCF\nm=image 4006 udptl t38\na=T38FaxVersion:4\na=T38MaxBitRate:33600\na=T38VendorInfo:0 0 37\n",
    ),
    // A call put on hold as RFC 2543 has it.
    (
        "on_hold",
        "v=0\no=- 5 6 IN IP4 192.0.2.5\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\na=inactive\nm=audio 20000 RTP/AVP 0 8\n",
    ),
    // Lines that a strict reader refuses: an o= without fields, blanks at ends and doubled, a bandwidth of words, two
    // connections, a line without a key, other cases, values twice, empty or after a blank.
    (
        "odd_spelling",
        "v=0 \no=x\ns=\nb=AS:unlimited\nc=IN IP4 192.0.2.9/127\nc=IN IP4 192.0.2.9\nt=0 0 \nthis is no line\nm=image  5004  UDPTL  T38 \na=T38FaxVersion : 0\na=T38maxBitRate:14400\na=T38MaxBitRate:9600\na=T38FaxRateManagement:localTCF\na=T38FaxMaxBuffer:\na=T38FaxMaxDatagram: 316\na=T38FaxUdpEC:T38UDPNOEC\nm=video 9 RTP/AVP 31\n",
    ),
];

/// The body of one of them.
pub fn body(name: &str) -> &'static str {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, body)| *body).unwrap()
}
