//! The `fusewire` command.

fn main() -> std::process::ExitCode {
    fusewire::cli::main()
}
