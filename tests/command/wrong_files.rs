//! Every command gets every kind of wrong file for each of its inputs. The message has the kind of
//! the file, the kind that was expected and, if possible, a program that writes files of that kind.

use std::fs;

use tenfold::Tensor;
use tenfold::io::{RgbImage, write_png};

use crate::archive::write_archive;
use crate::folder::Folder;
use crate::npy::row_major;

/// The kind of file that an input must be.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Array,
    Decomposition,
    ArrayOrDecomposition,
    Picture,
}

use Kind::{Array, ArrayOrDecomposition, Decomposition, Picture};

impl Kind {
    /// How a message names it.
    fn expectation(self) -> &'static str {
        match self {
            Array => "an array file (such as .npy) was expected",
            Decomposition => "a decomposition (.npz) was expected",
            ArrayOrDecomposition => {
                "an array file (such as .npy) or a decomposition (.npz) was expected"
            }
            Picture => "a PNG, JPEG, WebP, BMP or TIFF was expected",
        }
    }

    /// Whether a file of the kind `file` is a valid input of this kind.
    fn accepts(self, file: Kind) -> bool {
        self == file || self == ArrayOrDecomposition && file != Picture
    }
}

/// Each input of each command. FILE stands for the input.
const INPUTS: [(&str, Kind); 12] = [
    ("decompose FILE --ranks 1,1,1 -o out", Array),
    ("decompose FILE --tolerance 0.1 -o out", Array),
    ("reconstruct FILE -o out", Decomposition),
    ("reconstruct FILE --slice 0,0,0 -o out", Decomposition),
    ("info FILE", ArrayOrDecomposition),
    ("cam FILE -o out.png", Array),
    ("cam x.npy FILE -o out", Array),
    ("cam x.npy --image FILE -o out.png", Picture),
    (
        "evaluate --probabilities FILE --masked-probabilities p.npy",
        Array,
    ),
    (
        "evaluate --probabilities p.npy --masked-probabilities FILE",
        Array,
    ),
    (
        "evaluate --embeddings x.npy --masked-embeddings FILE",
        Array,
    ),
    ("evaluate --maps x.npy --masks FILE", Array),
];

/// The expected message about a file.
enum Message {
    /// This text, and then the kind of file that was expected.
    WithExpectation(&'static str),
    /// This text alone.
    Alone(&'static str),
}

use Message::{Alone, WithExpectation};

/// A folder with a file of each kind.
fn folder_with_all_kinds() -> Folder {
    let folder = Folder::new();
    let entry = |i: &[usize]| ((7 * i[0] + 3 * i[1] + i[2]) % 5) as f64 / 5.0;
    let x = Tensor::from_fn(&[4, 3, 2], entry).unwrap();
    folder.write("x.npy", x.shape(), x.data());
    folder.write("p.npy", &[2], &[0.5, 0.25]);
    folder.decompose("--ranks 2,2,2");
    let array = folder.read_bytes("x.npy");
    let several = [("arr_0.npy", &array[..]), ("arr_1.npy", &array)];
    write_archive(&folder.at("several.npz"), &several);
    write_archive(&folder.at("half.npz"), &[("core.npy", &array)]);
    let pickle = ("archive/data.pkl", &b"\x80\x02}q\0."[..]);
    write_archive(&folder.at("model.pt"), &[pickle]);
    write_archive(&folder.at("files.zip"), &[("x.csv", b"1,2\n")]);
    let picture = RgbImage::from_fn(30, 20, |x, y| [x as u8, y as u8, (x * y) as u8].into());
    write_png(folder.at("picture.png"), &picture).unwrap();
    for (cut, whole, length) in [
        ("cut.npy", "x.npy", 200),
        ("cut.npz", "x.npz", 500),
        ("cut.png", "picture.png", 300),
    ] {
        folder.write_bytes(cut, &folder.read_bytes(whole)[..length]);
    }
    for (name, bytes) in [
        (
            "picture.jpg",
            &b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"[..],
        ),
        ("table.csv", b"a,b\r\n1,2\r\n"),
        ("accents.txt", "caf\u{e9}\n".as_bytes()),
        ("data.h5", b"\x89HDF\r\n\x1a\n\0\0\0\0"),
        ("data.pkl", b"\x80\x04\x95\x10\0\0\0"),
        ("data.npy.gz", b"\x1f\x8b\x08\0\0\0\0\0"),
        ("noise", b"\x01\x02\x03\xff\xfe\xfd\x01\x02\x03\xff\xfe\xfd"),
        ("empty", b""),
    ] {
        folder.write_bytes(name, bytes);
    }
    fs::create_dir(folder.at("folder")).unwrap();
    #[cfg(unix)]
    for (link, target) in [("dangling", "nowhere"), ("loop", "loop")] {
        std::os::unix::fs::symlink(target, folder.at(link)).unwrap();
    }
    folder
}

/// Each wrong file, the kind of input that it is valid for, and the expected message.
const FILES: &[(&str, Option<Kind>, Message)] = &[
    (
        "x.npy",
        Some(Array),
        WithExpectation("this is an array (.npy)"),
    ),
    (
        "x.npz",
        Some(Decomposition),
        WithExpectation("this is a decomposition (.npz)"),
    ),
    ("several.npz", None, Alone("this is an archive")),
    (
        "half.npz",
        Some(Array),
        WithExpectation("this is an archive of arrays (.npz)"),
    ),
    ("files.zip", None, WithExpectation("this is a zip archive")),
    (
        "model.pt",
        None,
        WithExpectation("this is a PyTorch file (.pt)"),
    ),
    (
        "picture.png",
        Some(Picture),
        WithExpectation("this is a PNG"),
    ),
    ("picture.jpg", None, WithExpectation("this is a JPEG")),
    ("cut.npy", None, WithExpectation("this is an array (.npy)")),
    (
        "cut.npz",
        None,
        WithExpectation("this is an archive (.npz), damaged or cut short"),
    ),
    ("cut.png", None, WithExpectation("this is a PNG")),
    ("table.csv", None, WithExpectation("this is a text file")),
    ("accents.txt", None, WithExpectation("this is a text file")),
    ("data.h5", None, WithExpectation("this is an HDF5 file")),
    ("data.pkl", None, WithExpectation("this is a Python pickle")),
    (
        "data.npy.gz",
        None,
        WithExpectation("this is a file compressed with gzip"),
    ),
    ("noise", None, Alone("this is not a")),
    ("empty", None, WithExpectation("the file is empty")),
    ("folder", None, WithExpectation("this is a directory")),
    #[cfg(unix)]
    (
        "/dev/null",
        None,
        WithExpectation("this is not a regular file"),
    ),
    ("missing", None, Alone("there is no such file")),
    #[cfg(unix)]
    (
        "x.npy/inside",
        None,
        Alone("cannot be read: Not a directory"),
    ),
    #[cfg(unix)]
    (
        "dangling",
        None,
        Alone("this link cannot be followed: No such file"),
    ),
    #[cfg(unix)]
    (
        "loop",
        None,
        Alone("this link cannot be followed: Too many levels"),
    ),
];

/// A part of the message about a file of the expected kind that is cut short. Only the reader of
/// that kind finds the damage.
fn damage(file: &str, expected: Kind) -> Option<&'static str> {
    match file {
        "cut.npy" if expected.accepts(Array) => Some("the header claims"),
        "cut.npz" if expected != Picture => Some("damaged or cut short"),
        "data.h5" if cfg!(feature = "hdf5") && expected.accepts(Array) => {
            Some("damaged, or of a kind that cannot be read")
        }
        "cut.png" | "picture.jpg" if expected == Picture => Some("cut short"),
        _ => None,
    }
}

#[test]
fn every_wrong_file_is_refused_with_what_it_is_and_what_was_expected() {
    let folder = folder_with_all_kinds();
    let mut refused = 0;
    for (file, valid_for, message) in FILES {
        for (command, expected) in INPUTS {
            let lists_arrays = *file == "several.npz" && expected == ArrayOrDecomposition;
            if lists_arrays || valid_for.is_some_and(|kind| expected.accepts(kind)) {
                continue;
            }
            let command = command.replace("FILE", file);
            let line = folder.refusal(&command);
            let rest = line.strip_prefix(&format!("{file}: "));
            let rest = rest.unwrap_or_else(|| panic!("{command}: {line}"));
            if let Some(damage) = damage(file, expected) {
                assert!(rest.contains(damage), "{command}: {line}");
            } else {
                let (Alone(start) | WithExpectation(start)) = message;
                assert!(rest.starts_with(start), "{command}: {line}");
                if let WithExpectation(_) = message {
                    let named = expected.expectation();
                    assert!(rest.contains(named), "{command}: {line}");
                }
            }
            refused += 1;
        }
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn complex_arrays_are_refused_by_name() {
    let folder = folder_with_all_kinds();
    for (descr, name) in [
        ("<c8", "complex64"),
        (">c8", "complex64"),
        ("<c16", "complex128"),
        (">c16", "complex128"),
    ] {
        folder.write_bytes("c.npy", row_major(descr, "(4, 3, 2)", &[0; 24 * 16]));
        for (command, expected) in INPUTS {
            if expected.accepts(Array) {
                assert_eq!(
                    folder.refusal(&command.replace("FILE", "c.npy")),
                    format!(
                        "c.npy: {name} entries cannot be read: tenfold decomposes real arrays; \
                         pass the real and the imaginary part as two arrays"
                    )
                );
            }
        }
    }
}

#[test]
fn a_refusal_names_the_program_that_writes_the_expected_file() {
    let folder = folder_with_all_kinds();
    for (command, remedy) in [
        ("reconstruct x.npy -o out", "tenfold decompose writes one"),
        (
            "reconstruct several.npz -o out",
            "tenfold decompose writes one",
        ),
        ("cam x.npz -o out.png", "tenfold reconstruct writes one"),
        ("cam table.csv -o out.png", "numpy.save writes one"),
    ] {
        let line = folder.refusal(command);
        assert!(line.ends_with(&format!("; {remedy}")), "{line}");
    }
    let line = folder.refusal("reconstruct half.npz -o out");
    assert!(line.contains("there is no entry \"meta\""), "{line}");
}

/// A file that may not be read, and a file in a folder that may not be entered.
#[cfg(unix)]
#[test]
fn a_file_without_permission_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use crate::folder::{Arguments, refused};

    let folder = folder_with_all_kinds();
    let set_mode = |name: &str, mode| {
        fs::set_permissions(folder.at(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    // The superuser may read everything. Then the command runs as the user `nobody`, from a copy
    // that this user may run.
    let nobody = 65534;
    fs::copy(env!("CARGO_BIN_EXE_tenfold"), folder.at("tenfold")).unwrap();
    fs::copy(folder.at("x.npy"), folder.at("folder/x.npy")).unwrap();
    fs::copy(folder.at("x.npy"), folder.at("closed")).unwrap();
    set_mode("", 0o777);
    set_mode("tenfold", 0o755);
    set_mode("closed", 0);
    set_mode("folder", 0);
    let is_superuser = fs::File::open(folder.at("closed")).is_ok();
    for (command, _) in INPUTS {
        for file in ["closed", "folder/x.npy"] {
            let arguments = command.replace("FILE", file);
            let mut command = Command::new(folder.at("tenfold"));
            command
                .args(arguments.list())
                .current_dir(folder.path())
                .stdin(Stdio::null());
            if is_superuser {
                command.uid(nobody);
            }
            let line = refused(command.output().unwrap());
            let expected = format!("{file}: cannot be read: Permission denied");
            assert!(line.starts_with(&expected), "{arguments}: {line}");
        }
    }
    set_mode("folder", 0o755);
}
