//! Where an array is: a file, or a member of a file.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where an array is: a file, and the name of the array in a file of several arrays. The text form
/// is `file.npy` or `file.npz:name`.
///
/// A text is split at its last colon that follows the path of an existing file. A file that exists
/// under the whole text is never split. Windows paths such as `C:\x.npy` are therefore not split
/// at the drive letter. A [`Path`] is never split either: it is the path of a file with one array.
///
/// ```
/// use tenfold::io::Source;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.npz");
/// std::fs::write(&path, "").unwrap();
/// let text = format!("{}:layer4", path.display());
/// let source: Source = text.parse().unwrap();
/// assert_eq!(source, Source::member(&path, "layer4"));
/// assert_eq!(source.to_string(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// The name of the array in the file; `None` for a file with one array.
    pub member: Option<String>,
}

impl Source {
    /// The only array of a file.
    ///
    /// ```
    /// use tenfold::io::Source;
    /// assert_eq!(Source::new("x.npy").to_string(), "x.npy");
    /// ```
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            member: None,
        }
    }

    /// The array `name` of a file.
    ///
    /// ```
    /// use tenfold::io::Source;
    /// assert_eq!(Source::member("x.npz", "core").to_string(), "x.npz:core");
    /// ```
    pub fn member(path: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            member: Some(name.into()),
        }
    }

    /// The text form as a path, for messages. Unlike `to_string` it keeps file names that
    /// are not UTF-8.
    ///
    /// ```
    /// use tenfold::io::Source;
    /// let name = Source::member("x.npz", "core").name();
    /// assert_eq!(name.to_str(), Some("x.npz:core"));
    /// ```
    #[must_use]
    pub fn name(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        if let Some(member) = &self.member {
            name.push(":");
            name.push(member);
        }
        name.into()
    }

    /// Splits a text, as the documentation of the type describes.
    fn parse(text: OsString) -> Self {
        let whole = PathBuf::from(text);
        if let Some(text) = whole.to_str()
            && !whole.exists()
        {
            let colons = text.rmatch_indices(':').map(|(place, _)| place);
            let mut splits = colons.map(|place| (&text[..place], &text[place + 1..]));
            let split = splits.find(|(path, name)| !name.is_empty() && Path::new(path).is_file());
            if let Some((path, name)) = split {
                return Self::member(path, name);
            }
        }
        Self::new(whole)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            None => write!(f, "{}", self.path.display()),
            Some(member) => write!(f, "{}:{member}", self.path.display()),
        }
    }
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::parse(text.into()))
    }
}

impl From<OsString> for Source {
    fn from(text: OsString) -> Self {
        Self::parse(text)
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Self::parse(text.into())
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self::new(path)
    }
}

impl From<&PathBuf> for Source {
    fn from(path: &PathBuf) -> Self {
        Self::new(path)
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self::new(path)
    }
}

impl From<&Source> for Source {
    fn from(source: &Source) -> Self {
        source.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_text_is_split_at_the_last_colon_after_an_existing_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("x.npz"), "").unwrap();
        #[cfg(unix)]
        {
            fs::write(at("y.npz:a"), "").unwrap();
            fs::write(at("y.npz"), "").unwrap();
        }
        fs::create_dir(at("folder")).unwrap();
        for (text, path, member) in [
            ("x.npz", "x.npz", None),
            ("x.npz:a", "x.npz", Some("a")),
            ("x.npz:/a/b", "x.npz", Some("/a/b")),
            ("x.npz:a:b", "x.npz", Some("a:b")),
            #[cfg(unix)]
            ("y.npz:a", "y.npz:a", None),
            #[cfg(unix)]
            ("y.npz:a:b", "y.npz:a", Some("b")),
            #[cfg(unix)]
            ("y.npz:b", "y.npz", Some("b")),
            // Neither a directory nor a missing file has members, and a name is not empty.
            ("folder:a", "folder:a", None),
            ("z.npz:a", "z.npz:a", None),
            ("x.npz:", "x.npz:", None),
        ] {
            let source = Source::from(at(text).into_os_string());
            let expected = Source {
                path: at(path),
                member: member.map(str::to_owned),
            };
            assert_eq!(source, expected, "{text}");
            assert_eq!(source.to_string(), at(text).display().to_string());
            assert_eq!(source.name(), at(text));
        }
    }

    #[test]
    fn a_drive_letter_is_not_a_file() {
        let source = Source::from(OsString::from(r"Q:\no\such\x.npy"));
        assert_eq!(source, Source::new(r"Q:\no\such\x.npy"));
    }
}
