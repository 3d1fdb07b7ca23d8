//! P8: one tape, one digest, however it is cut; and the last bit of anything changes it.

use expect_test::expect;
use fusewire::engine::{Engine, EngineSettings, Input};
use fusewire::event::{Body, Price};
use fusewire::replay::Runner;

use crate::chance::Chance;
use crate::composed::tape;
use crate::stage::{quick, table};

pub(crate) const MARKETS: [&str; 3] = ["a:DOT", "b:DOT", "a:TRX"];

pub(crate) fn play(settings: &EngineSettings, inputs: &[Input]) -> Runner {
    let mut runner = Runner::new(Engine::new(settings.clone(), table(&MARKETS)));
    for input in inputs {
        runner.feed(input.clone(), &mut []);
    }
    runner
}

fn digest(inputs: &[Input]) -> String {
    play(&quick(), inputs).finish()
}

/// The tape cut in two, the second half played by an engine restored from the first one's snapshot.
fn digest_cut_at(inputs: &[Input], cut: usize) -> String {
    let (before, after) = inputs.split_at(cut);
    let first = play(&quick(), before);
    let restored = Engine::restore(quick(), &first.engine.snapshot()).expect("its own snapshot");
    let mut second = Runner::resumed(restored, first.digest().clone());
    for input in after {
        second.feed(input.clone(), &mut []);
    }
    second.finish()
}

/// The digest that debug, release and every machine must give. A change of detectors, rules, records or of the snapshot's
/// form changes it on purpose: then `UPDATE_EXPECT=1 cargo test --test engine the_composed_tape` writes the new one here.
#[test]
fn the_composed_tape_has_the_digest_that_was_written_down() {
    expect!["d9344158ae2ed081e80a38bf8a8816698376c84bdacdf4d8e47bdef20ec82056"].assert_eq(&digest(&tape()));
}

#[test]
fn the_same_tape_twice_gives_the_same_digest() {
    assert_eq!(digest(&tape()), digest(&tape()));
}

#[test]
fn a_tape_cut_anywhere_and_resumed_gives_the_digest_of_the_whole() {
    let inputs = tape();
    let whole = digest(&inputs);
    let mut chance = Chance::new(11);
    for _ in 0..8 {
        let cut = chance.below(inputs.len() as u64) as usize;
        assert_eq!(digest_cut_at(&inputs, cut), whole, "cut at input {cut} of {}", inputs.len());
    }
}

#[test]
fn the_last_bit_of_one_price_changes_the_digest() {
    let whole = digest(&tape());
    let mut chance = Chance::new(12);
    for _ in 0..8 {
        let mut inputs = tape();
        let place = chance.below(inputs.len() as u64) as usize;
        let Some(Input::Event(event)) = inputs[place..].iter_mut().find(|input| is_trade(input)) else { continue };
        let Body::Trade { price, .. } = &mut event.body else { unreachable!() };
        *price = Price::new(price.get().next_up()).expect("a price");
        assert_ne!(digest(&inputs), whole, "trade at or after input {place}");
    }
}

fn is_trade(input: &Input) -> bool {
    matches!(input, Input::Event(event) if matches!(event.body, Body::Trade { .. }))
}

/// Each limit and each memory moved by one last place.
#[test]
fn the_last_bit_of_one_setting_changes_the_digest() {
    use fusewire::detect::SectionVisitor;
    use fusewire::settings::{Settings, Value};

    struct Nudge(usize, Option<String>);
    impl SectionVisitor for Nudge {
        fn section<S: Settings>(&mut self, name: &'static str, settings: &mut S) {
            for field in S::fields() {
                let Some(Value::Number(number)) = settings.get(field.name) else { continue };
                let nudged = if number >= field.max { number.next_down() } else { number.next_up() };
                if self.1.is_none() && self.0 == 0 && settings.set(field.name, &Value::Number(nudged)).is_ok() {
                    self.1 = Some(format!("{name}.{}", field.name));
                }
                self.0 = self.0.saturating_sub(1);
            }
        }
    }

    let inputs: Vec<_> = tape().into_iter().take(200).collect();
    let whole = digest(&inputs);
    for place in 0.. {
        let (mut settings, mut nudge) = (quick(), Nudge(place, None));
        settings.detect.each(&mut nudge);
        if nudge.0 > 0 {
            break;
        }
        if let Some(name) = nudge.1 {
            assert_ne!(play(&settings, &inputs).finish(), whole, "{name}");
        }
    }
}
