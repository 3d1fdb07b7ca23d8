//! P21: what a person latched, only a person lets go, and the kernel says who that was.

use fusewire::breaker::Stance;
use fusewire::record::{Fact, Who};
use fusewire::serve::BreakerRow;
use fusewire::serve::control::{Request, Response};

use crate::rig::{Plan, Rig};
use crate::scene::{CALM, Scene};

#[test]
fn a_latched_breaker_survives_a_restart_and_leaves_only_by_rearm() {
    let venue = Scene::calm().play();
    let mut rig = Rig::running(&Plan::watching(&venue.base()));
    let scope = format!("market:{CALM}");
    rig.wait_for_stance(CALM, |stance| stance == Stance::Normal);
    let done = rig.ask(&Request::Trip { scope: scope.clone(), stance: "Halt".into(), reason: "delisting".into() });
    assert!(matches!(done, Response::Done { .. }), "{done:?}");
    assert_eq!(rig.sight().of(CALM).permission.stance(), Stance::Halt, "answered, so the gate says it");

    rig.kill();
    rig.start(&[]);
    let latched = wait_for_latch(&rig);
    assert_eq!(rig.end(), 0);
    rig.start(&[]);
    assert_eq!(wait_for_latch(&rig), latched, "an orderly restart changes nothing either");
    rig.wait_for("prices", |rig| rig.get("/readyz").is_some_and(|(status, _)| status == 200));
    assert_eq!(rig.sight().of(CALM).permission.stance(), Stance::Halt);

    let version = latched.version;
    let rearm = |version, reason: &str| {
        let (scope, rule, reason) = (scope.clone(), "manual".to_owned(), reason.to_owned());
        rig.ask(&Request::Rearm { scope, rule, version, reason })
    };
    for (version, reason, want) in [
        (version + 1, "over", "moved on"),
        (version - 1, "over", "moved on"),
        (version, "", "a reason"),
        (version, "  ", "a reason"),
    ] {
        match rearm(version, reason) {
            Response::Refused { why } => assert!(why.contains(want), "{why}"),
            other => panic!("version {version}, reason {reason:?}: {other:?}"),
        }
        assert_eq!(rig.sight().of(CALM).permission.stance(), Stance::Halt);
    }
    let Response::Done { by, .. } = rearm(version, "announcement withdrawn") else { panic!("refused") };
    let took = rig.wait_for_stance(CALM, |stance| stance == Stance::Normal);
    println!("re-armed by {by}; the gate follows {:.1} ms after the answer", took.as_secs_f64() * 1e3);
    assert_eq!(rig.end(), 0);
    assert_who_and_why(&rig, &by);
}

/// The breaker tripped by hand, once it is listed.
fn wait_for_latch(rig: &Rig) -> BreakerRow {
    rig.wait_for("the control socket", |rig| {
        rig.path("control.sock").exists() && rig.get("/healthz").is_some_and(|(status, _)| status == 200)
    });
    let Response::Breakers { breakers } = rig.ask(&Request::Breakers {}) else { panic!("no list") };
    let manual = breakers.into_iter().find(|row| row.rule == "manual").expect("the breaker that was tripped");
    assert_eq!((manual.state.as_str(), manual.stance.as_str()), ("Latched", "Halt"));
    manual
}

/// The records name whoever the kernel says is at the other end of the socket: us.
fn assert_who_and_why(rig: &Rig, by: &str) {
    let us = Who { name: by.to_owned(), via: "socket".to_owned() };
    let uid = rustix::process::getuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let own = passwd.lines().find(|line| line.split(':').nth(2) == Some(&uid.to_string()));
    let name = own.and_then(|line| line.split(':').next()).map_or(format!("uid:{uid}"), str::to_owned);
    assert_eq!(us.name, name);
    let mut deeds = Vec::new();
    for record in rig.records(1) {
        match record.fact {
            Fact::Breaker { to, by: Some(who), reason, .. } => deeds.push((to, who, reason)),
            Fact::Refused { by: who, .. } => deeds.push(("refused".to_owned(), who, String::new())),
            _ => {}
        }
    }
    let wanted = [
        ("Latched", "delisting"),
        ("refused", ""),
        ("refused", ""),
        ("refused", ""),
        ("refused", ""),
        ("Armed", "announcement withdrawn"),
    ];
    let wanted = wanted.map(|(what, why)| (what.to_owned(), us.clone(), why.to_owned()));
    assert_eq!(deeds, wanted);
}
