//! A program as a hook: an argument list, no shell, almost no environment, the message on standard input. It and all its
//! children die together when its time is up, or when it is done.

use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::answer::printable;
use super::{Answer, Carrier, Outcome, Parcel, Secret};

/// What of the daemon's own environment a program may see.
const INHERITED: [&str; 4] = ["PATH", "LANG", "LC_ALL", "TZ"];

/// Most that is kept of what a program says; the rest is read and dropped.
const OUTPUT_BYTES: u64 = 64 * 1024;

/// How long to wait for the last words of a program that is gone; a child that left its group may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How a program is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The program, by absolute path, and its arguments.
    pub argv: Vec<String>,
    /// More environment.
    pub env: Vec<(String, Secret)>,
    /// Its process group is killed after so many milliseconds.
    pub timeout_ms: u64,
}

impl Settings {
    /// A program's time where the config is silent.
    pub const DEFAULT_TIMEOUT_MS: u64 = 10_000;

    /// A program with the default timeout.
    pub const fn new(argv: Vec<String>) -> Self {
        Self { argv, env: Vec::new(), timeout_ms: Self::DEFAULT_TIMEOUT_MS }
    }

    pub(super) fn carrier(&self) -> Result<Box<dyn Carrier>, String> {
        let program = self.argv.first().ok_or("argv: must name a program")?;
        if !Path::new(program).is_absolute() {
            return Err(format!("argv: must begin with an absolute path, got {program:?}"));
        }
        if !(10..=600_000).contains(&self.timeout_ms) {
            return Err(format!("timeout_ms: must be between 10 and 600000, got {}", self.timeout_ms));
        }
        Ok(Box::new(Program { settings: self.clone() }))
    }
}

struct Program {
    settings: Settings,
}

impl Carrier for Program {
    fn carry(&mut self, parcel: Parcel<'_>) -> Answer {
        self.run(parcel).unwrap_or_else(|error| Answer::failed(printable(&format!("did not run: {error}"))))
    }
}

impl Program {
    fn run(&self, parcel: Parcel<'_>) -> io::Result<Answer> {
        let (mut group, output) = self.start(parcel)?;
        let said = listen(output)?;
        feed(&mut group, &parcel.message.body)?;
        let exited = group.watch()?;
        let in_time = exited.recv_timeout(Duration::from_millis(self.settings.timeout_ms)).is_ok();
        let status = group.end()?;
        let said = self.clean(&said.recv_timeout(LAST_WORDS).unwrap_or_default());
        Ok(match status.code() {
            _ if !in_time => Answer::failed(format!("killed after {} ms", self.settings.timeout_ms)),
            Some(0) => Answer { outcome: Outcome::Delivered, detail: "exit 0".to_owned() },
            Some(code) => Answer::failed(format!("exit {code}: {said}")),
            None => Answer::failed(format!("{status}: {said}")),
        })
    }

    /// Starts the program; what it says on either stream comes out of one pipe.
    fn start(&self, parcel: Parcel<'_>) -> io::Result<(Group, PipeReader)> {
        let (reader, writer) = io::pipe()?;
        let (program, arguments) = self.settings.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env("FUSEWIRE_MESSAGE", &parcel.message.id)
            .env("FUSEWIRE_HOOK", &parcel.message.hook)
            .env("FUSEWIRE_ATTEMPT", parcel.attempt.to_string())
            .envs(self.settings.env.iter().map(|(name, value)| (name, value.reveal())))
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        Ok((Group { child: command.spawn()? }, reader))
    }

    fn clean(&self, text: &str) -> String {
        printable(&self.settings.env.iter().fold(text.to_owned(), |text, (_, secret)| secret.blot(&text)))
    }
}

/// A running program with all its children. None of them outlives this value.
struct Group {
    child: Child,
}

impl Group {
    /// Hears of the program's end without reaping it: until then nobody else can be given its number, and the kill in
    /// [`Group::end`] hits nobody else.
    fn watch(&self) -> io::Result<Receiver<()>> {
        let pid = Pid::from_child(&self.child);
        let (tell, told) = bounded(1);
        spawn("exec-wait", move || {
            while waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).is_err_and(is_interrupt) {}
            let _ = tell.send(());
        })?;
        Ok(told)
    }

    /// Kills what is left of the group and reaps the program.
    fn end(&mut self) -> io::Result<std::process::ExitStatus> {
        // An error means that nobody is left to kill.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.child.wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.end();
        }
    }
}

fn is_interrupt(error: rustix::io::Errno) -> bool {
    error == rustix::io::Errno::INTR
}

/// Writes the message from a thread of its own: a program that reads nothing must not hold us up.
fn feed(group: &mut Group, body: &str) -> io::Result<()> {
    let Some(mut stdin) = group.child.stdin.take() else { return Ok(()) };
    let body = body.to_owned();
    spawn("exec-stdin", move || {
        // A program may answer without having read all of it; its exit code says whether it is content.
        let _ = stdin.write_all(body.as_bytes());
    })
}

/// Reads all it says and keeps the beginning.
fn listen(mut output: PipeReader) -> io::Result<Receiver<String>> {
    let (tell, told) = bounded(1);
    spawn("exec-output", move || {
        let mut kept = Vec::new();
        let _ = output.by_ref().take(OUTPUT_BYTES).read_to_end(&mut kept);
        let _ = io::copy(&mut output, &mut io::sink());
        let _ = tell.send(String::from_utf8_lossy(&kept).into_owned());
    })?;
    Ok(told)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}
