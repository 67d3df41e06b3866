//! Every command, given every kind of wrong file for each of its inputs, says what the
//! file is, what was expected and, where it knows, which program writes such a file.

use std::fs;
use std::io::Write;
use std::path::Path;

use tempfile::TempDir;
use tenfold::Tensor;
use tenfold::io::{RgbImage, write_npy, write_png};

use crate::run::{json, refusal};

/// What an input is to be.
#[derive(Clone, Copy, PartialEq)]
enum Expected {
    Array,
    Decomposition,
    Either,
    Picture,
}

use Expected::{Array, Decomposition, Either, Picture};

impl Expected {
    /// The words for it in a message.
    fn words(self) -> &'static str {
        match self {
            Array => "a .npy file was expected",
            Decomposition => "a decomposition (.npz) was expected",
            Either => "a .npy file or a decomposition (.npz) was expected",
            Picture => "a PNG or JPEG was expected",
        }
    }
}

/// Each input of each command, where FILE stands for it.
const INPUTS: [(&[&str], Expected); 12] = [
    (
        &["decompose", "FILE", "--ranks", "1,1,1", "-o", "out"],
        Array,
    ),
    (
        &["decompose", "FILE", "--tolerance", "0.1", "-o", "out"],
        Array,
    ),
    (&["reconstruct", "FILE", "-o", "out"], Decomposition),
    (
        &["reconstruct", "FILE", "--slice", "0,0,0", "-o", "out"],
        Decomposition,
    ),
    (&["info", "FILE"], Either),
    (&["cam", "FILE", "-o", "out.png"], Array),
    (&["cam", "x.npy", "FILE", "-o", "out"], Array),
    (
        &["cam", "x.npy", "--image", "FILE", "-o", "out.png"],
        Picture,
    ),
    (
        &[
            "evaluate",
            "--probabilities",
            "FILE",
            "--masked-probabilities",
            "p.npy",
        ],
        Array,
    ),
    (
        &[
            "evaluate",
            "--probabilities",
            "p.npy",
            "--masked-probabilities",
            "FILE",
        ],
        Array,
    ),
    (
        &[
            "evaluate",
            "--embeddings",
            "x.npy",
            "--masked-embeddings",
            "FILE",
        ],
        Array,
    ),
    (&["evaluate", "--maps", "x.npy", "--masks", "FILE"], Array),
];

/// What the content of a file gets said of it.
enum Said {
    /// That it is this, and what was expected.
    Instead(&'static str),
    /// This alone.
    Just(&'static str),
}

use Said::{Instead, Just};

/// A folder with a file of every kind.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let root = folder.root();
        let x = Tensor::from_fn(&[4, 3, 2], |i| {
            ((7 * i[0] + 3 * i[1] + i[2]) % 5) as f64 / 5.0
        });
        let x = x.unwrap();
        write_npy(root.join("x.npy"), &x).unwrap();
        write_npy(
            root.join("p.npy"),
            &Tensor::new(&[2], vec![0.5, 0.25]).unwrap(),
        )
        .unwrap();
        json(
            root,
            &["decompose", "x.npy", "--ranks", "2,2,2", "-o", "x.npz"],
        );
        let array = folder.read("x.npy");
        folder.archive(
            "arrays.npz",
            &[("arr_0.npy", &array), ("arr_1.npy", &array)],
        );
        folder.archive("half.npz", &[("core.npy", &array)]);
        folder.archive("model.pt", &[("archive/data.pkl", b"\x80\x02}q\0.")]);
        let picture = RgbImage::from_fn(30, 20, |x, y| [x as u8, y as u8, (x * y) as u8].into());
        write_png(root.join("picture.png"), &picture).unwrap();
        folder.cut("cut.npy", "x.npy", 200);
        folder.cut("cut.npz", "x.npz", 500);
        folder.cut("cut.png", "picture.png", 300);
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
            fs::write(root.join(name), bytes).unwrap();
        }
        fs::create_dir(root.join("folder")).unwrap();
        #[cfg(unix)]
        for (link, target) in [("dangling", "nowhere"), ("loop", "loop")] {
            std::os::unix::fs::symlink(target, root.join(link)).unwrap();
        }
        folder
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.root().join(name)).unwrap()
    }

    /// The first `length` bytes of the file `of`.
    fn cut(&self, name: &str, of: &str, length: usize) {
        fs::write(self.root().join(name), &self.read(of)[..length]).unwrap();
    }

    fn archive(&self, name: &str, entries: &[(&str, &[u8])]) {
        let file = fs::File::create(self.root().join(name)).unwrap();
        let mut archive = zip::ZipWriter::new(file);
        for (name, bytes) in entries {
            let options = zip::write::SimpleFileOptions::DEFAULT;
            archive.start_file(*name, options).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
    }

    fn files(&self) -> usize {
        fs::read_dir(self.root()).unwrap().count()
    }
}

#[test]
fn every_wrong_file_is_told_what_it_is() {
    let folder = Folder::new();
    let before = folder.files();
    let archive = Instead("this is an archive of arrays (.npz)");
    let damaged = "this is an archive (.npz), damaged or cut short";
    let mut refused = 0;
    for (file, fits, said) in [
        ("x.npy", Some(Array), Instead("this is an array (.npy)")),
        (
            "x.npz",
            Some(Decomposition),
            Instead("this is a decomposition (.npz)"),
        ),
        ("arrays.npz", None, archive),
        (
            "half.npz",
            None,
            Instead("this is an archive of arrays (.npz)"),
        ),
        ("model.pt", None, Instead("this is a zip archive")),
        ("picture.png", Some(Picture), Instead("this is a PNG")),
        ("picture.jpg", None, Instead("this is a JPEG")),
        ("cut.npy", None, Instead("this is an array (.npy)")),
        ("cut.npz", None, Instead(damaged)),
        ("cut.png", None, Instead("this is a PNG")),
        ("table.csv", None, Instead("this is a text file")),
        ("accents.txt", None, Instead("this is a text file")),
        ("data.h5", None, Instead("this is an HDF5 file")),
        ("data.pkl", None, Instead("this is a Python pickle")),
        (
            "data.npy.gz",
            None,
            Instead("this is a file compressed with gzip"),
        ),
        ("noise", None, Just("this is not a")),
        ("empty", None, Instead("the file is empty")),
        ("folder", None, Instead("this is a directory")),
        #[cfg(unix)]
        ("/dev/null", None, Instead("this is not a regular file")),
        ("missing", None, Just("there is no such file")),
        #[cfg(unix)]
        (
            "x.npy/inside",
            None,
            Just("cannot be read: Not a directory"),
        ),
        #[cfg(unix)]
        (
            "dangling",
            None,
            Just("this link cannot be followed: No such file"),
        ),
        #[cfg(unix)]
        (
            "loop",
            None,
            Just("this link cannot be followed: Too many levels"),
        ),
    ] {
        for (arguments, expected) in INPUTS {
            let either = fits.is_some_and(|fits| expected == Either && fits != Picture);
            if fits == Some(expected) || either {
                continue;
            }
            let named = |&argument: &&'static str| if argument == "FILE" { file } else { argument };
            let arguments: Vec<&str> = arguments.iter().map(named).collect();
            let line = refusal(folder.root(), &arguments);
            let rest = line.strip_prefix(&format!("{file}: "));
            let rest = rest.unwrap_or_else(|| panic!("{arguments:?}: {line}"));
            // Damage shows only to the reader of such files, which says that.
            let damage = match file {
                "cut.npy" if [Array, Either].contains(&expected) => Some("the header claims"),
                "cut.npz" if [Decomposition, Either].contains(&expected) => Some("cut short"),
                "cut.png" | "picture.jpg" if expected == Picture => Some("cut short"),
                _ => None,
            };
            if let Some(damage) = damage {
                assert!(rest.contains(damage), "{arguments:?}: {line}");
                refused += 1;
                continue;
            }
            match said {
                Just(words) => assert!(rest.starts_with(words), "{arguments:?}: {line}"),
                Instead(words) => {
                    assert!(rest.starts_with(words), "{arguments:?}: {line}");
                    // An archive is looked into only by what reads decompositions.
                    let wanted = match (file, expected) {
                        ("arrays.npz" | "half.npz" | "model.pt", Either) => Decomposition,
                        _ => expected,
                    };
                    assert!(rest.contains(wanted.words()), "{arguments:?}: {line}");
                }
            }
            assert_eq!(folder.files(), before, "{arguments:?} left a file");
            refused += 1;
        }
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn every_command_refuses_complex_arrays_by_name() {
    let folder = Folder::new();
    for (descr, name) in [
        ("<c8", "complex64"),
        (">c8", "complex64"),
        ("<c16", "complex128"),
        (">c16", "complex128"),
    ] {
        let dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (4, 3, 2)}}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(dict.len()).unwrap().to_le_bytes());
        bytes.extend(dict.bytes());
        bytes.resize(bytes.len() + 24 * 16, 0);
        fs::write(folder.root().join("c.npy"), bytes).unwrap();
        for (arguments, expected) in INPUTS {
            if ![Array, Either].contains(&expected) {
                continue;
            }
            let named = |&argument: &&'static str| {
                if argument == "FILE" {
                    "c.npy"
                } else {
                    argument
                }
            };
            let arguments: Vec<&str> = arguments.iter().map(named).collect();
            assert_eq!(
                refusal(folder.root(), &arguments),
                format!(
                    "c.npy: {name} entries cannot be read: tenfold decomposes real arrays; \
                     pass the real and the imaginary part as two arrays"
                )
            );
        }
    }
}

#[test]
fn a_refusal_says_what_makes_the_file_that_was_expected() {
    let folder = Folder::new();
    for (arguments, remedy) in [
        (
            &["reconstruct", "x.npy", "-o", "out"][..],
            "tenfold decompose writes one",
        ),
        (
            &["reconstruct", "arrays.npz", "-o", "out"],
            "tenfold decompose writes one",
        ),
        (
            &["cam", "x.npz", "-o", "out.png"],
            "tenfold reconstruct writes one",
        ),
        (
            &["cam", "arrays.npz", "-o", "out.png"],
            "numpy.save writes one of its arrays",
        ),
        (
            &["cam", "table.csv", "-o", "out.png"],
            "numpy.save writes one",
        ),
    ] {
        let line = refusal(folder.root(), arguments);
        assert!(line.ends_with(&format!("; {remedy}")), "{line}");
    }
    let line = refusal(folder.root(), &["info", "half.npz"]);
    assert!(line.contains("there is no entry \"meta\""), "{line}");
}

/// A file that its user may not read, and one in a folder that may not be entered.
#[cfg(unix)]
#[test]
fn a_file_without_permission_is_told() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    let folder = Folder::new();
    let allow = |name: &str, mode| {
        let path = folder.root().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let binary = folder.root().join("tenfold");
    fs::copy(env!("CARGO_BIN_EXE_tenfold"), &binary).unwrap();
    fs::write(folder.root().join("folder/x.npy"), folder.read("x.npy")).unwrap();
    fs::write(folder.root().join("closed"), folder.read("x.npy")).unwrap();
    allow("", 0o777);
    allow("tenfold", 0o755);
    allow("closed", 0);
    allow("folder", 0);
    // The superuser reads everything: then the command runs as nobody.
    let superuser = fs::File::open(folder.root().join("closed")).is_ok();
    for (arguments, _) in INPUTS {
        for file in ["closed", "folder/x.npy"] {
            let named = |&argument: &&'static str| if argument == "FILE" { file } else { argument };
            let mut command = Command::new(&binary);
            command
                .args(arguments.iter().map(named))
                .current_dir(folder.root())
                .stdin(Stdio::null());
            if superuser {
                command.uid(65534);
            }
            let line = crate::run::refusal_of(command.output().unwrap());
            let expected = format!("{file}: cannot be read: Permission denied");
            assert!(line.starts_with(&expected), "{arguments:?}: {line}");
        }
    }
    allow("folder", 0o755);
}
