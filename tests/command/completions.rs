//! `tenfold completions`: the scripts for shells.

use crate::folder::Folder;

const COMMANDS: [&str; 7] = [
    "decompose",
    "reconstruct",
    "info",
    "cam",
    "evaluate",
    "bench",
    "completions",
];

#[test]
fn each_script_names_every_command_and_its_options() {
    let folder = Folder::new();
    let (help, _) = folder.succeeds("--help");
    for command in COMMANDS {
        assert!(help.contains(&format!("  {command} ")), "{command}: {help}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (script, notes) = folder.succeeds(&format!("completions {shell}"));
        assert_eq!(notes, "");
        for word in COMMANDS.into_iter().chain(["weighting", "max-memory"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

/// The shells that are installed read their own scripts without an error.
#[cfg(unix)]
#[test]
fn the_shells_accept_their_scripts() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish"] {
        let (script, _) = folder.succeeds(&format!("completions {shell}"));
        folder.write_bytes("script", script);
        let mut command = std::process::Command::new(shell);
        let Ok(checked) = command.arg("-n").arg(folder.at("script")).output() else {
            continue;
        };
        assert!(checked.status.success(), "{shell}: {checked:?}");
    }
}

/// The names that an option accepts are completed.
#[test]
fn the_names_of_an_option_are_completed() {
    let folder = Folder::new();
    let (script, _) = folder.succeeds("completions bash");
    for names in [
        "st-hosvd hosvd hooi randomized non-negative interpolatory",
        "eigen-cam tsm multivec-eigen-cam mtsm all",
        "absolute positive negative",
        "turbo viridis inferno magma plasma gray jet",
        "mean max",
        "bool i8 u8",
    ] {
        let line = format!("compgen -W \"{names}");
        assert!(script.contains(&line), "{names}");
    }
    // The help text has the names in a sentence.
    let (help, _) = folder.succeeds("cam --help");
    assert!(!help.contains("[possible values: turbo"), "{help}");
}

/// Options of one command come first, options of all commands are a list of their own.
#[test]
fn the_help_separates_the_options_of_all_commands() {
    let folder = Folder::new();
    for command in ["decompose", "reconstruct", "info", "cam", "evaluate"] {
        let (help, _) = folder.succeeds(&format!("{command} --help"));
        let (own, common) = help.split_once("\nOptions of all commands:\n").unwrap();
        for option in ["--threads", "--json", "--quiet", "--max-memory"] {
            assert!(common.contains(&format!("  {option}")), "{command}");
            assert!(!own.contains(&format!("  {option}")), "{command}");
        }
    }
}

#[test]
fn another_shell_is_refused() {
    let line = Folder::new().refusal("completions csh");
    assert!(line.contains("csh") && line.contains("bash"), "{line}");
}
