//! Tapes of engine inputs. An even first byte: the rest is the file. An odd one: the rest is inputs in postcard, each behind
//! a byte of its length, which stand in a file as we write it.
//!
//! Never a panic; what is read can be written and reads back as the same; the numbers in it are sound; an engine that is
//! given the inputs does not fail.

use std::io::Cursor;

use fusewire::engine::{Engine, EngineSettings, Input, Output};
use fusewire::feed::tape::{InputReader, InputWriter};
use fusewire::market::Markets;

use super::{rooms, sound};

/// So many inputs are shown to an engine.
const SHOWN_MAX: usize = 64;

pub fn check(data: &[u8]) {
    let Some((pick, rest)) = data.split_first() else { return };
    let file = if pick & 1 == 0 { rest.to_vec() } else { framed(rest) };
    let Ok(mut reader) = InputReader::new(Cursor::new(file)) else { return };
    let snapshot = reader.snapshot().to_vec();
    let inputs: Vec<Input> = reader.by_ref().filter_map(Result::ok).collect();
    assert!(reader.ending().is_some());
    for input in &inputs {
        if let Input::Event(event) = input {
            sound::body(&event.body);
        }
    }
    for begin in FORMS {
        assert_eq!(written(begin, &snapshot, &inputs), inputs);
    }
    show(inputs);
}

/// A file of the inputs that the bytes hold.
pub fn framed(mut rest: &[u8]) -> Vec<u8> {
    let mut inputs: Vec<Input> = Vec::new();
    while let Some((length, behind)) = rest.split_first() {
        let (block, behind) = behind.split_at(behind.len().min(usize::from(*length)));
        inputs.extend(postcard::from_bytes(block).ok());
        rest = behind;
    }
    file(InputWriter::plain, b"-", &inputs)
}

type Begin = fn(Vec<u8>, &[u8], &Markets) -> std::io::Result<InputWriter<Vec<u8>>>;

/// A plain tape and a dense one.
const FORMS: [Begin; 2] = [InputWriter::plain, InputWriter::packed];

fn file(begin: Begin, snapshot: &[u8], inputs: &[Input]) -> Vec<u8> {
    let mut writer = begin(Vec::new(), snapshot, &rooms::pair()).expect("memory takes all");
    for input in inputs {
        writer.write(input).expect("what was read can be written");
    }
    writer.finish(None).expect("memory takes all")
}

fn written(begin: Begin, snapshot: &[u8], inputs: &[Input]) -> Vec<Input> {
    let reader = InputReader::new(Cursor::new(file(begin, snapshot, inputs))).expect("what was written can be read");
    assert_eq!(reader.snapshot(), snapshot);
    reader.map(|input| input.expect("what was written can be read")).collect()
}

fn show(inputs: Vec<Input>) {
    let mut engine = Engine::new(EngineSettings::default(), rooms::pair());
    let mut outputs = Vec::new();
    for input in inputs.into_iter().take(SHOWN_MAX) {
        outputs.clear();
        engine.handle(input, &mut outputs);
        for output in &outputs {
            if let Output::Gate(write) = output {
                let factor = write.permission.size_factor();
                assert!((0.0..=1.0).contains(&factor), "{write:?}");
            }
        }
        let _ = engine.deadline();
    }
}
