use super::*;

fn local() -> Local {
    let mut local = Local::new(4711, "192.0.2.10".parse().unwrap());
    local.audio_port = Some(30_000);
    local.image_port = Some(30_002);
    local
}
#[test]
fn smoke() {
    let offer = parse(b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=image 5004 udptl t38\r\n").unwrap();
    let answer = answer(&offer, &local(), Choice::Image);
    assert!(matches!(answer.media, Agreed::Image(_)));
    println!("{}", answer.sdp);
}
