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

#[test]
fn another_shell_is_refused() {
    let line = Folder::new().refusal("completions csh");
    assert!(line.contains("csh") && line.contains("bash"), "{line}");
}
