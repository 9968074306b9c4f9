//! Whole dialogues between two agents: each without loss, then with each single datagram lost, to the same end.

use core::time::Duration;

use super::super::*;
use super::world::*;

/// What the people do, in seconds since the start: who, and what, to their first call.
type Plan<'a> = &'a [(u64, usize, fn(&mut Agent, Duration, CallKey))];

/// Plays a story to its end; nothing may be left after it.
fn play(lost: Option<usize>, transport: Transport, settings: [Settings; 2], act: Act, plan: Plan) -> World {
    let [caller, called] = settings;
    let mut world = World::new(caller, called, transport);
    world.lost.extend(lost);
    let login = Some(Credentials { user: "u".to_owned(), password: "p".to_owned(), realm: String::new() });
    let calling = Calling { login, ..calling(transport) };
    let key = world.agents[CALLER].invite(Duration::ZERO, &calling).unwrap();
    for (at, who, what) in plan {
        world.run(seconds(*at), act);
        if let Some(call) = if *who == CALLER { Some(key) } else { world.call(CALLED) } {
            what(&mut world.agents[*who], seconds(*at), call);
        }
    }
    world.run(seconds(40_000), act);
    assert!(
        world.is_clean(),
        "left over {:?}\n{}",
        world.agents.each_ref().map(Agent::held),
        world.wire.join("\n")
    );
    world
}

type Deed = fn(&mut Agent, usize, Duration, &Event);

/// A story without loss over each transport, and over UDP with each datagram lost in turn: the same events each time.
fn tell(settings: fn() -> [Settings; 2], act: Deed, plan: Plan) -> [Vec<String>; 2] {
    let told = |lost, transport| {
        let world = play(lost, transport, settings(), &mut { act }, plan);
        ([world.story(CALLER), world.story(CALLED)], world)
    };
    let (story, whole) = told(None, Transport::Udp);
    for transport in [Transport::Tcp, Transport::Tls] {
        let (other, world) = told(None, transport);
        assert_eq!(story, other, "{transport:?}\n{}", world.wire.join("\n"));
    }
    assert!(whole.sent > 3);
    for lost in 0..whole.sent {
        let (other, world) = told(Some(lost), Transport::Udp);
        assert_eq!(story, other, "lost {lost}\n{}", world.wire.join("\n"));
    }
    story
}

fn plain() -> [Settings; 2] {
    [settings(), settings()]
}

fn with_digest() -> [Settings; 2] {
    let mut guarded = settings();
    guarded.trunks[0].digest =
        Some(Credentials { user: "u".to_owned(), password: "p".to_owned(), realm: "fax".to_owned() });
    [settings(), guarded]
}

fn answer(agent: &mut Agent, _who: usize, now: Duration, event: &Event) {
    match event {
        Event::Invite { call, sdp, .. } => {
            agent.progress(now, *call, 180);
            assert_eq!(sdp.as_deref(), Some(OFFER));
            agent.accept(now, *call, ANSWER);
        }
        Event::Reoffer { call, unchanged: false, .. } => agent.answer_reoffer(now, *call, ANSWER),
        Event::Reoffer { call, .. } => agent.repeat_answer(now, *call),
        Event::Answered { sdp, .. } => assert_eq!(sdp, ANSWER),
        _ => {}
    }
}

fn hang_up(agent: &mut Agent, now: Duration, call: CallKey) {
    agent.hang_up(now, call, Some("Q.850;cause=16"));
}

const T38: &[u8] = b"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=image 4002 udptl t38\r\n";

fn reoffer(agent: &mut Agent, now: Duration, call: CallKey) {
    agent.reoffer(now, call, T38);
}

#[test]
fn t38_at_once_and_the_caller_hangs_up() {
    for settings in [plain, with_digest] {
        let [caller, called] = tell(settings, answer, &[(40, CALLER, hang_up)]);
        assert_eq!(caller, ["answered", "HungUp"]);
        assert_eq!(called, ["invite", "confirmed false", "Bye { reason: Some(\"Q.850;cause=16\") }"]);
    }
}

#[test]
fn t38_at_once_and_the_called_hangs_up() {
    let [caller, called] = tell(with_digest, answer, &[(40, CALLED, hang_up)]);
    assert_eq!(caller, ["answered", "Bye { reason: Some(\"Q.850;cause=16\") }"]);
    assert_eq!(called, ["invite", "confirmed false", "HungUp"]);
}

#[test]
fn either_side_moves_to_t38_by_its_re_invite() {
    for (offers, other) in [(CALLER, CALLED), (CALLED, CALLER)] {
        let story = tell(with_digest, answer, &[(40, offers, reoffer), (80, other, hang_up)]);
        assert!(story[offers].contains(&"offer answered".to_owned()), "{story:?}");
        assert!(story[other].contains(&"reoffer unchanged=false".to_owned()), "{story:?}");
        assert_eq!(story[other].last().unwrap(), "HungUp");
    }
}

#[test]
fn a_re_invite_refused_leaves_the_call_as_it_was() {
    fn refuse(agent: &mut Agent, who: usize, now: Duration, event: &Event) {
        match event {
            Event::Reoffer { call, .. } => agent.refuse_reoffer(now, *call, 488),
            _ => answer(agent, who, now, event),
        }
    }
    let [caller, called] = tell(plain, refuse, &[(40, CALLED, reoffer), (80, CALLER, hang_up)]);
    assert_eq!(called[..3], ["invite", "confirmed false", "refused 488"]);
    assert_eq!(caller, ["answered", "reoffer unchanged=false", "HungUp"]);
}

#[test]
fn calls_refused_by_the_receiver() {
    fn busy(agent: &mut Agent, _: usize, now: Duration, event: &Event) {
        if let Event::Invite { call, .. } = event {
            agent.refuse(now, *call, 486, Some(5));
        }
    }
    let [caller, called] = tell(plain, busy, &[]);
    assert_eq!(caller, ["Refused { status: 486, words: \"Busy Here\" }"]);
    assert_eq!(called, ["invite", "RefusedByUs(486)"]);
}

#[test]
fn a_call_out_is_given_up_before_its_answer() {
    fn ring(agent: &mut Agent, _: usize, now: Duration, event: &Event) {
        if let Event::Invite { call, .. } = event {
            agent.progress(now, *call, 180);
        }
    }
    let [caller, called] = tell(plain, ring, &[(3, CALLER, hang_up)]);
    assert_eq!(caller, ["HungUp"]);
    assert_eq!(called, ["invite", "Cancelled"]);
}

#[test]
fn a_cancel_that_crosses_our_answer_ends_in_a_bye() {
    fn late(agent: &mut Agent, who: usize, now: Duration, event: &Event) {
        match event {
            Event::Progress { call, status: 180 } if who == CALLER => agent.hang_up(now, *call, None),
            _ => answer(agent, who, now, event),
        }
    }
    let world = play(None, Transport::Udp, plain(), &mut { late }, &[(60, CALLER, hang_up)]);
    assert_eq!(world.ends(CALLER), [End::HungUp], "{}", world.wire.join("\n"));
    assert_eq!(world.ends(CALLED), [End::Bye { reason: None }]);
    for lost in 0..world.sent {
        let world = play(Some(lost), Transport::Udp, plain(), &mut { late }, &[(60, CALLER, hang_up)]);
        assert_eq!(world.ends(CALLER), [End::HungUp], "{}", world.wire.join("\n"));
        assert!(
            matches!(world.ends(CALLED)[..], [End::Bye { .. } | End::Cancelled]),
            "{}",
            world.wire.join("\n")
        );
    }
}

#[test]
fn both_offer_at_once_and_one_goes_first_after_the_glare() {
    let plan: Plan = &[(40, CALLED, reoffer), (40, CALLER, reoffer), (80, CALLED, hang_up)];
    let world = play(None, Transport::Udp, plain(), &mut { answer }, plan);
    let refused = world.wire.iter().filter(|line| line.contains("491")).count();
    assert!(refused >= 2, "no glare: {}", world.wire.join("\n"));
    // The called waits up to 2 s, the caller longer (RFC 3261 §14.1): the first wins, the other's offer is withdrawn.
    assert!(world.story(CALLED).contains(&"offer answered".to_owned()));
    assert!(world.story(CALLER).contains(&"refused 491".to_owned()));
    for lost in (0..world.sent).map(Some).chain([None]) {
        let world = play(lost, Transport::Udp, plain(), &mut { answer }, plan);
        let told = [world.story(CALLER), world.story(CALLED)].concat();
        assert!(told.contains(&"offer answered".to_owned()), "{}", world.wire.join("\n"));
        for side in [world.story(CALLER), world.story(CALLED)] {
            let outcomes =
                side.iter().filter(|event| *event == "offer answered" || event.starts_with("refused"));
            assert_eq!(
                outcomes.count(),
                1,
                "each offer has one outcome: {side:?}\n{}",
                world.wire.join("\n")
            );
        }
        assert_eq!((world.ends(CALLER).len(), world.ends(CALLED)), (1, vec![End::HungUp]));
    }
}

#[test]
fn both_hang_up_at_once() {
    let plan: Plan = &[(40, CALLED, hang_up), (40, CALLER, hang_up)];
    let [caller, called] = tell(plain, answer, plan);
    assert_eq!((caller.last().unwrap().as_str(), called.last().unwrap().as_str()), ("HungUp", "HungUp"));
}

#[test]
fn a_bye_while_a_re_invite_is_undecided_ends_both() {
    fn undecided(agent: &mut Agent, who: usize, now: Duration, event: &Event) {
        if !matches!(event, Event::Reoffer { .. }) {
            answer(agent, who, now, event);
        }
    }
    for (offers, hangs_up) in [(CALLER, CALLED), (CALLED, CALLER), (CALLER, CALLER), (CALLED, CALLED)] {
        let plan: Plan = &[(40, offers, reoffer), (41, hangs_up, hang_up)];
        let world = play(None, Transport::Udp, plain(), &mut { undecided }, plan);
        for lost in (0..world.sent).map(Some).chain([None]) {
            let world = play(lost, Transport::Udp, plain(), &mut { undecided }, plan);
            assert_eq!(world.ends(hangs_up), [End::HungUp], "{}", world.wire.join("\n"));
            assert!(matches!(world.ends(1 - hangs_up)[..], [End::Bye { .. }]), "{}", world.wire.join("\n"));
        }
    }
}

#[test]
fn an_offer_made_before_the_ack_waits_for_it() {
    fn eager(agent: &mut Agent, who: usize, now: Duration, event: &Event) {
        answer(agent, who, now, event);
        if let Event::Invite { call, .. } = event {
            agent.reoffer(now, *call, T38);
        }
    }
    let [caller, called] = tell(plain, eager, &[(40, CALLED, hang_up)]);
    assert_eq!(called, ["invite", "confirmed false", "offer answered", "HungUp"]);
    assert_eq!(caller[..2], ["answered", "reoffer unchanged=false"]);
}

#[test]
fn a_hang_up_before_the_ack_waits_for_it() {
    fn hasty(agent: &mut Agent, who: usize, now: Duration, event: &Event) {
        answer(agent, who, now, event);
        if let Event::Invite { call, .. } = event {
            agent.hang_up(now, *call, None);
        }
    }
    let [caller, called] = tell(plain, hasty, &[]);
    assert_eq!(called, ["invite", "confirmed false", "HungUp"]);
    assert_eq!(caller, ["answered", "Bye { reason: None }"]);
}

#[test]
fn a_line_that_loses_a_third_of_everything_still_ends_each_call_once() {
    let plan: Plan = &[
        (20, CALLED, reoffer),
        (20, CALLER, reoffer),
        (60, CALLER, reoffer),
        (100, CALLED, hang_up),
        (100, CALLER, hang_up),
    ];
    let mut random = super::super::random::Random::new([4; 32]);
    let mut answered = 0;
    for _ in 0..300 {
        let mut world = World::new(settings(), settings(), Transport::Udp);
        world.lost = (0..2_000).filter(|_| random.below(3) == 0).collect();
        let key = world.agents[CALLER].invite(Duration::ZERO, &calling(Transport::Udp)).unwrap();
        for (at, who, what) in plan {
            world.run(seconds(*at), &mut answer);
            if let Some(call) = if *who == CALLER { Some(key) } else { world.call(CALLED) } {
                what(&mut world.agents[*who], seconds(*at), call);
            }
        }
        world.run(seconds(1_000), &mut answer);
        let wire = world.wire.join("\n");
        assert!(world.is_clean(), "{wire}");
        let invites = world.story(CALLED).iter().filter(|event| *event == "invite").count();
        assert_eq!((world.ends(CALLER).len(), world.ends(CALLED).len()), (1, invites), "{wire}");
        let outcomes = |who| {
            let story = world.story(who);
            story.iter().filter(|event| *event == "offer answered" || event.starts_with("refused")).count()
        };
        assert!(outcomes(CALLER) <= 2 && outcomes(CALLED) <= 1, "{wire}");
        answered += outcomes(CALLER);
    }
    assert!(answered > 300, "most offers came through: {answered}");
}

#[test]
fn an_offer_that_came_to_nothing_is_not_what_stands() {
    const DECLINED: &[u8] = b"v=0\r\no=- 1 3 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=image 0 udptl t38\r\n";
    fn act(agent: &mut Agent, who: usize, now: Duration, event: &Event) {
        match event {
            Event::Reoffer { call, .. } if who == CALLER => agent.answer_reoffer(now, *call, DECLINED),
            Event::OurOfferAnswered { call, .. } if who == CALLED => agent.stands(*call, ANSWER),
            Event::OurOfferAnswered { sdp, .. } => assert_eq!(sdp, ANSWER),
            Event::Reoffer { call, .. } => agent.repeat_answer(now, *call),
            _ => answer(agent, who, now, event),
        }
    }
    fn once_more(agent: &mut Agent, now: Duration, call: CallKey) {
        agent.reoffer(now, call, OFFER);
    }
    let plan: Plan = &[(40, CALLED, reoffer), (80, CALLER, once_more), (120, CALLER, hang_up)];
    let [caller, called] = tell(plain, act, plan);
    assert!(caller.contains(&"offer answered".to_owned()), "{caller:?}");
    assert!(called.contains(&"offer answered".to_owned()), "{called:?}");
}
