//! Help, version and usage errors.

use crate::folder::Folder;

#[test]
fn usage_errors_take_one_line() {
    let folder = Folder::new();
    for arguments in [
        "",
        "decompos",
        "decompose",
        "info",
        "reconstruct x -o",
        "--threads x info x",
    ] {
        let line = folder.refusal(arguments);
        assert!(line.ends_with("see tenfold --help"), "{line}");
    }
}

#[test]
fn help_names_commands_and_options() {
    let folder = Folder::new();
    for (arguments, names) in [
        (
            "--help",
            "decompose reconstruct info cam evaluate --threads",
        ),
        (
            "decompose --help",
            "--ranks --tolerance --json --quiet st-hosvd hooi",
        ),
    ] {
        let (text, _) = folder.succeeds(arguments);
        for name in names.split(' ') {
            assert!(text.contains(name), "{name} is not in {arguments}");
        }
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let (version, _) = Folder::new().succeeds("--version");
    let expected = concat!("tenfold ", env!("CARGO_PKG_VERSION"));
    assert_eq!(version.trim(), expected);
}

#[cfg(unix)]
#[test]
fn a_closed_standard_output_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let folder = Folder::new();
    let output = folder.tenfold("--help").stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}
