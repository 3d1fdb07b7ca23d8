//! Tapes of engine inputs. An even first byte: the rest is the file. An odd one: the rest is blocks, each behind a byte of
//! its length, which are framed as the file frames them.
//!
//! Never a panic; what is read can be written and reads back as the same; the numbers in it are sound; an engine that is
//! given the inputs does not fail.

use fusewire::engine::{Engine, EngineSettings, Input, Output};
use fusewire::feed::tape::{InputReader, InputWriter};

use super::{rooms, sound};

/// So many inputs are shown to an engine.
const SHOWN_MAX: usize = 64;

pub fn check(data: &[u8]) {
    let Some((pick, rest)) = data.split_first() else { return };
    let file = if pick & 1 == 0 { rest.to_vec() } else { framed(rest) };
    let Ok(reader) = InputReader::new(&file[..]) else { return };
    let snapshot = reader.snapshot().to_vec();
    assert!(snapshot.len() <= file.len());
    let inputs: Vec<Input> = reader.filter_map(Result::ok).collect();
    for input in &inputs {
        if let Input::Event(event) = input {
            sound::body(&event.body);
        }
    }
    assert_eq!(written(&snapshot, &inputs), inputs);
    show(inputs);
}

/// A file of blocks as they come.
pub fn framed(mut rest: &[u8]) -> Vec<u8> {
    let mut file = b"FWINPUT1\0\0\0\0".to_vec();
    while let Some((length, behind)) = rest.split_first() {
        let (block, behind) = behind.split_at(behind.len().min(usize::from(*length)));
        file.extend((block.len() as u32).to_le_bytes());
        file.extend(block);
        rest = behind;
    }
    file
}

fn written(snapshot: &[u8], inputs: &[Input]) -> Vec<Input> {
    let mut file = Vec::new();
    let mut writer = InputWriter::new(&mut file, snapshot).expect("memory takes all");
    for input in inputs {
        writer.write(input).expect("what was read can be written");
    }
    writer.finish().expect("memory takes all");
    let reader = InputReader::new(&file[..]).expect("what was written can be read");
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
