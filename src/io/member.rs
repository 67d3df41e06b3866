//! The arrays that a file holds, as the headers describe them.

use super::Problem;
use super::missing::MissingValue;
use super::stored::Stored;
use crate::tensor::Shape;

/// An array in a file, described from the headers of the file: [`super::members`] lists them.
///
/// ```
/// use tenfold::io::{members, write_npy};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.npy");
/// write_npy(&path, &tenfold::Tensor::new(&[2, 3], vec![1.0f32; 6])?)?;
/// let member = &members(&path)?[0];
/// assert_eq!((&member.shape[..], &member.stored_dtype[..]), (&[2, 3][..], "float32"));
/// assert_eq!((member.dtype, member.memory), (Some("f32"), 24));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Member {
    /// The name in the file. Empty in formats that hold one array without a name.
    pub name: String,
    /// The extents.
    pub shape: Vec<usize>,
    /// The type of the entries in the file, in NumPy's words: "float32", "int16", …
    pub stored_dtype: String,
    /// The name of the scalar that the entries are read as, "f32" or "f64". `None` if the array
    /// cannot be read as a tensor.
    pub dtype: Option<&'static str>,
    /// The maximum number of bytes that reading allocates, with the tensor itself.
    pub memory: u64,
    /// A note for the user about values that reading changes, such as "int16 entries were converted
    /// to f32".
    pub note: Option<String>,
    /// The values that stand for missing data, if the file names some.
    pub missing: Vec<MissingValue>,
    /// Why the array cannot be read as a tensor. `None` if it can.
    pub problem: Option<String>,
}

impl Member {
    /// An array of numbers. `memory` is the maximum number of bytes that reading allocates.
    pub(super) fn numbers(name: impl Into<String>, stored: &Stored, memory: u64) -> Self {
        let problem = Shape::new(&stored.shape).err();
        Self {
            name: name.into(),
            shape: stored.shape.clone(),
            stored_dtype: stored.element.numpy_name().to_owned(),
            dtype: problem.is_none().then(|| stored.scalar()),
            memory,
            note: stored.element.conversion(),
            missing: Vec::new(),
            problem: problem.map(|error| error.to_string()),
        }
    }

    /// An array that cannot be read as a tensor.
    pub(super) fn unreadable(
        name: impl Into<String>,
        shape: &[usize],
        stored_dtype: &str,
        problem: Problem,
    ) -> Self {
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            stored_dtype: stored_dtype.to_owned(),
            dtype: None,
            memory: 0,
            note: None,
            missing: Vec::new(),
            problem: Some(problem.text),
        }
    }

    /// Shape and type for messages: `2×3 float32`.
    fn summary(&self) -> String {
        let extents: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        format!("{} {}", extents.join("×"), self.stored_dtype)
            .trim_start()
            .to_owned()
    }
}

/// The maximum number of names in a message.
const MAX_NAMES: usize = 5;

/// How to name a member of a file.
pub(super) const COLON: &str = "add a colon and the name of one";

/// How to name a member of data that are not in a file.
pub(super) const IN_A_READER: &str = "the name of one is needed (file:name for a file)";

/// The member `name` of a file. Without a name, the only member of the file that can be read.
/// `what` describes the file in messages, and `remedy` says how to name a member.
pub(super) fn choose(
    members: Vec<Member>,
    name: Option<&str>,
    what: &str,
    remedy: &str,
) -> Result<Member, Problem> {
    let chosen = match name {
        Some(name) => named(members, name)?,
        None => only(members, what, remedy)?,
    };
    match &chosen.problem {
        None => Ok(chosen),
        Some(problem) => Err(Problem::new(problem)),
    }
}

/// The member with this name. Slashes at its start do not count.
fn named(mut members: Vec<Member>, name: &str) -> Result<Member, Problem> {
    let bare = |name: &str| name.trim_start_matches('/').to_owned();
    let place = members.iter().position(|member| member.name == name);
    let place = place.or_else(|| {
        let mut members = members.iter();
        members.position(|member| bare(&member.name) == bare(name))
    });
    match place {
        Some(place) => Ok(members.swap_remove(place)),
        None => Err(missing(&members, name)),
    }
}

/// The problem that there is no member with this name.
fn missing(members: &[Member], name: &str) -> Problem {
    const NEAREST: usize = 3;
    // 1 for equal names, 0 where each letter must be edited.
    let similarity = |other: &str| strsim::normalized_levenshtein(other, name);
    let mut nearest: Vec<(f64, &str)> = members
        .iter()
        .map(|member| (similarity(&member.name), &member.name[..]))
        .collect();
    nearest.sort_by(|a, b| b.0.total_cmp(&a.0));
    let nearest = nearest.iter().take(NEAREST);
    let names: Vec<String> = nearest.map(|(_, name)| format!("{name:?}")).collect();
    let names = match names.len() {
        0 => "the file holds no arrays".to_owned(),
        1 => format!("the nearest name is {}", names[0]),
        _ => format!("the nearest names are {}", names.join(", ")),
    };
    Problem::new(format!("there is no array {name:?}, {names}"))
}

/// The only member that can be read.
fn only(mut members: Vec<Member>, what: &str, remedy: &str) -> Result<Member, Problem> {
    let readable: Vec<usize> = (0..members.len())
        .filter(|&place| members[place].problem.is_none())
        .collect();
    match (readable.as_slice(), members.len()) {
        (&[place], _) => Ok(members.swap_remove(place)),
        ([], 1) => Ok(members.swap_remove(0)),
        ([], 0) => Err(Problem::new(format!("this is {what} without arrays"))),
        ([], count) => {
            let Member { name, problem, .. } = &members[0];
            let problem = problem.as_deref().unwrap_or_default();
            Err(Problem::new(format!(
                "none of the {count} arrays of this file can be read as a tensor; {name}: {problem}"
            )))
        }
        (readable, _) => {
            let shown = readable.iter().take(MAX_NAMES).map(|&place| {
                let member = &members[place];
                format!("{} ({})", member.name, member.summary())
            });
            let mut shown: Vec<String> = shown.collect();
            if readable.len() > MAX_NAMES {
                shown.push(format!("{} more", readable.len() - MAX_NAMES));
            }
            Err(Problem::new(format!(
                "this is {what} with {} arrays, {remedy}: {}",
                readable.len(),
                shown.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::element::Element;
    use super::*;

    fn member(name: &str) -> Member {
        let stored = Stored::new(vec![2, 3], Element::F32).unwrap();
        Member::numbers(name, &stored, stored.memory())
    }

    fn chosen(names: &[&str], name: Option<&str>) -> Result<String, String> {
        let members = names.iter().map(|name| member(name)).collect();
        let chosen = choose(members, name, "an archive", COLON);
        chosen.map(|member| member.name).map_err(|p| p.text)
    }

    #[test]
    fn a_member_is_found_by_its_name_or_because_it_is_the_only_one() {
        let names = ["core", "factor_0", "/a/core"];
        for name in names {
            assert_eq!(chosen(&names, Some(name)).as_deref(), Ok(name));
        }
        assert_eq!(chosen(&names, Some("a/core")).as_deref(), Ok("/a/core"));
        assert_eq!(chosen(&["x"], None).as_deref(), Ok("x"));
        let mut text = member("text");
        text.problem = Some("no numbers".into());
        let members = vec![text.clone(), member("x")];
        assert_eq!(choose(members, None, "", COLON).unwrap().name, "x");
        let error = choose(vec![text.clone()], None, "", COLON).unwrap_err();
        assert_eq!(error.text, "no numbers");
        let mut other = member("x");
        other.problem = Some("no entries".into());
        let error = choose(vec![other, text], None, "", COLON).unwrap_err();
        assert_eq!(
            error.text,
            "none of the 2 arrays of this file can be read as a tensor; x: no entries"
        );
    }

    #[test]
    fn messages_name_the_members_that_exist() {
        let names = ["factor_0", "mask", "core", "cone"];
        assert_eq!(
            chosen(&names, Some("cor")).unwrap_err(),
            "there is no array \"cor\", the nearest names are \"core\", \"cone\", \"factor_0\""
        );
        assert_eq!(
            chosen(&["x"], Some("y")).unwrap_err(),
            "there is no array \"y\", the nearest name is \"x\""
        );
        assert_eq!(
            chosen(&["a", "b", "c", "d", "e", "f"], None).unwrap_err(),
            "this is an archive with 6 arrays, add a colon and the name of one: a (2×3 float32), \
             b (2×3 float32), c (2×3 float32), d (2×3 float32), e (2×3 float32), 1 more"
        );
        assert_eq!(
            chosen(&[], None).unwrap_err(),
            "this is an archive without arrays"
        );
    }
}
