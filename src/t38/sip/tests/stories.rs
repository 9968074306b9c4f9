//! Whole dialogues between two agents: each without loss, then with each single datagram lost, to the same end.

use core::time::Duration;

use super::super::*;
use super::world::*;

/// Plays a story to its end; nothing may be left after it.
fn play(lost: Option<usize>, transport: Transport, settings: [Settings; 2], act: Act) -> World {
    let [caller, called] = settings;
    let mut world = World::new(caller, called, transport);
    world.lost.extend(lost);
    let login = Some(Credentials { user: "u".to_owned(), password: "p".to_owned(), realm: String::new() });
    let calling = Calling { login, ..calling(transport) };
    world.agents[CALLER].invite(Duration::ZERO, &calling).unwrap();
    world.run(seconds(600), act);
    assert!(
        world.is_clean(),
        "left over {:?}\n{}",
        world.agents.each_ref().map(Agent::held),
        world.wire.join("\n")
    );
    world
}

/// A story without loss over each transport, and over UDP with each datagram lost in turn.
fn tell(settings: fn() -> [Settings; 2], act: fn(&mut Agent, usize, Duration, &Event)) -> [Vec<String>; 2] {
    let whole = play(None, Transport::Udp, settings(), &mut { act });
    let story = [whole.story(CALLER), whole.story(CALLED)];
    for transport in [Transport::Tcp, Transport::Tls] {
        let world = play(None, transport, settings(), &mut { act });
        assert_eq!(
            story,
            [world.story(CALLER), world.story(CALLED)],
            "{transport:?}\n{}",
            world.wire.join("\n")
        );
    }
    assert!(whole.sent > 3);
    for lost in 0..whole.sent {
        let world = play(Some(lost), Transport::Udp, settings(), &mut { act });
        let wire = world.wire.join("\n");
        assert_eq!(story, [world.story(CALLER), world.story(CALLED)], "lost {lost}\n{wire}");
    }
    story
}

fn plain() -> [Settings; 2] {
    [settings(), settings()]
}

fn answer(agent: &mut Agent, now: Duration, event: &Event) {
    match event {
        Event::Invite { call, sdp, .. } => {
            agent.progress(now, *call, 180);
            assert_eq!(sdp.as_deref(), Some(OFFER));
            agent.accept(now, *call, ANSWER);
        }
        Event::Reoffer { call, .. } => agent.answer_reoffer(now, *call, ANSWER),
        _ => {}
    }
}

#[test]
fn t38_at_once_and_the_caller_hangs_up() {
    let [caller, called] = tell(plain, |agent, _, now, event| {
        answer(agent, now, event);
        if let Event::Answered { call, sdp } = event {
            assert_eq!(sdp, ANSWER);
            agent.hang_up(now, *call, None);
        }
    });
    assert_eq!(caller, ["answered", "HungUp"]);
    // The BYE may overtake a lost ACK: then the call is over unconfirmed; that is the one difference allowed below.
    assert_eq!(called, ["invite", "confirmed false", "Bye { reason: None }"]);
}
