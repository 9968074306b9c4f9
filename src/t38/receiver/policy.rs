//! Who calls whom, by the headers in the order that the admin set; and where media may go.

use std::net::{IpAddr, SocketAddr};

use super::settings::{CallerSource, DidSource, Trunk};
use crate::t38::record::{Record, moment, told};
use crate::t38::sip::{Asked, Net, Party};

use crate::fax::Millis;

/// The number that was dialled: the first place that names one.
pub fn dialled(asked: &Asked, order: &[DidSource]) -> Option<String> {
    let places = |source: &DidSource| match source {
        DidSource::RequestUri => number(&asked.request),
        DidSource::To => number(&asked.to),
        // The latest stands first, so the last is the one that was dialled.
        DidSource::Diversion => asked.diversion.iter().rev().find_map(number),
        DidSource::PCalledPartyId => asked.called_party.as_ref().and_then(number),
        DidSource::HistoryInfo => asked.history.iter().find_map(number),
    };
    order.iter().find_map(places)
}

/// Who calls: number and display name, from the first place that names a number.
pub fn calling(asked: &Asked, order: &[CallerSource]) -> (Option<String>, Option<String>) {
    for source in order {
        let party = match source {
            CallerSource::PAssertedIdentity => asked.asserted.iter().find(|party| number(party).is_some()),
            CallerSource::RemotePartyId => asked.remote_party.as_ref(),
            CallerSource::From => Some(&asked.from),
        };
        if let Some(party) = party
            && let Some(number) = number(party)
        {
            return (Some(number), told(&party.display).filter(|name| *name != party.user));
        }
    }
    (None, None)
}

/// A user part that says something: RFC 3323's anonymous caller does not.
fn number(party: &Party) -> Option<String> {
    told(&party.user).filter(|user| !user.eq_ignore_ascii_case("anonymous"))
}

/// What signalling knows of a call.
pub fn record(asked: &Asked, trunk: &Trunk, csi: &str, t38: bool, now: Millis) -> Record {
    let (caller, caller_name) = calling(asked, &trunk.caller);
    Record {
        did: dialled(asked, &trunk.did),
        caller,
        caller_name,
        csi: told(csi),
        device: Some(trunk.name.clone()),
        call_id: told(&asked.call_id),
        user_agent: asked.user_agent.as_deref().and_then(told),
        media: Some(if t38 { "t38" } else { "g711" }.to_owned()),
        received_at: moment(now),
        ..Record::default()
    }
}

/// Whether media may be sent to an address that SDP named. Any unicast address may be: media gateways stand where they like.
/// This machine itself, its own link and groups may not, but where the trunk's networks hold them. An unspecified address is
/// a stream on hold: nothing is sent there.
pub fn sendable(to: SocketAddr, networks: &[Net]) -> bool {
    let ip = to.ip().to_canonical();
    let odd = match ip {
        IpAddr::V4(four) => {
            four.is_loopback()
                || four.is_link_local()
                || four.is_multicast()
                || four.is_broadcast()
                || (four.octets()[0] == 0 && !four.is_unspecified())
        }
        IpAddr::V6(six) => six.is_loopback() || six.is_unicast_link_local() || six.is_multicast(),
    };
    to.port() != 0 && (!odd || networks.iter().any(|net| net.contains(ip)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_goes_to_any_address_but_ourselves_our_link_and_groups_unless_the_trunk_is_there() {
        let nets = |text: &str, bits| vec![Net { address: text.parse().unwrap(), bits }];
        let far = nets("192.0.2.0", 24);
        let may = |to: &str, nets: &[Net]| sendable(to.parse().unwrap(), nets);
        for fine in
            ["192.0.2.1:4000", "203.0.113.7:4000", "10.1.2.3:4000", "[2001:db8::1]:4000", "0.0.0.0:4000"]
        {
            assert!(may(fine, &far), "{fine}");
        }
        for odd in [
            "127.0.0.1:4000",
            "[::1]:4000",
            "[::ffff:127.0.0.1]:4000",
            "169.254.169.254:80",
            "[fe80::1]:4000",
            "224.0.0.1:4000",
            "255.255.255.255:4000",
            "[ff02::1]:4000",
            "0.0.0.1:4000",
            "203.0.113.7:0",
        ] {
            assert!(!may(odd, &far), "{odd}");
        }
        assert!(may("127.0.0.1:4000", &nets("127.0.0.0", 8)));
        assert!(may("[fe80::1]:4000", &nets("fe80::", 10)));
        assert!(!may("127.0.0.1:0", &nets("127.0.0.0", 8)));
    }
    use crate::t38::sip::{Flow, Transport};

    fn party(user: &str, display: &str) -> Party {
        Party { user: user.into(), display: display.into(), ..Party::default() }
    }

    fn asked() -> Asked {
        let at = "192.0.2.1:5060".parse().unwrap();
        Asked {
            trunk: 0,
            flow: Flow { id: 1, transport: Transport::Udp, local: at, remote: at },
            call_id: "abc@192.0.2.1".into(),
            request: party("fax", ""),
            to: party("28101234", ""),
            from: party("anonymous", "Anonymous"),
            asserted: vec![party("", ""), party("+85221234567", "Harbour Clinic")],
            diversion: vec![party("222", ""), party("111", "")],
            history: vec![party("333", ""), party("444", "")],
            remote_party: Some(party("777", "")),
            called_party: Some(party("555", "")),
            user_agent: None,
            timer: false,
        }
    }

    #[test]
    fn the_dialled_number_is_where_the_admin_says_it_is() {
        use DidSource::*;
        for (order, expected) in [
            (&[RequestUri, To][..], Some("fax")),
            (&[To, RequestUri], Some("28101234")),
            (&[Diversion, To], Some("111")),
            (&[HistoryInfo], Some("333")),
            (&[PCalledPartyId], Some("555")),
            (&[], None),
        ] {
            assert_eq!(dialled(&asked(), order).as_deref(), expected, "{order:?}");
        }
        let bare = Asked { diversion: vec![], called_party: None, ..asked() };
        assert_eq!(dialled(&bare, &[Diversion, PCalledPartyId, To]).as_deref(), Some("28101234"));
    }

    #[test]
    fn the_network_is_asked_before_the_caller_and_an_anonymous_one_has_no_number() {
        let (number, name) = calling(&asked(), &CallerSource::USUAL);
        assert_eq!((number.as_deref(), name.as_deref()), (Some("+85221234567"), Some("Harbour Clinic")));
        assert_eq!(calling(&asked(), &[CallerSource::From]), (None, None));
        assert_eq!(calling(&asked(), &[CallerSource::RemotePartyId]).0.as_deref(), Some("777"));
    }
}
