//! The files of a module, and its folders, do not depend on each other in a cycle.
//!
//! A file depends on another file if its code has a path to a name in that file, in a `use` or
//! elsewhere. Re-exports are followed to the file that declares the name:
//!
//! ```text
//! tensor.rs           mod product; pub use product::mode_product;
//! linalg/gram.rs      use crate::tensor::mode_product;   →  tensor/product.rs
//! tensor/reduce.rs    use super::Tensor;                 →  tensor.rs
//! ```
//!
//! A re-export alone is no dependency: `tensor.rs` is the table of contents of its folder. It depends
//! on `product.rs` only if its own code uses `mode_product`. Unit tests are skipped.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Source, words};

/// The modules that are checked.
const MODULES: [&str; 7] = ["cuda", "simd", "linalg", "cam", "tucker", "tensor", "io"];

/// For each file, the files on which it depends. All paths are below `src`.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// A path in the code, such as `["super", "shape", "Shape"]`.
type Path = Vec<String>;

/// A file with the names that its code uses.
struct File {
    /// The module: `["linalg", "small", "eigh"]` for `linalg/small/eigh.rs`.
    module: Path,
    /// For each re-exported name, the path that it comes from.
    re_exports: HashMap<String, Path>,
    /// The paths that the code names, other than re-exports.
    named: Vec<Path>,
}

impl File {
    fn read(source: &Source) -> Self {
        let stem = source.path.strip_suffix(".rs").unwrap();
        let module: Path = if source.is_library_root() {
            Vec::new()
        } else {
            stem.split('/').map(str::to_owned).collect()
        };
        let code = source.code.split("#[cfg(test)]\nmod ").next().unwrap();
        let words = words(code);
        let children = children(&words);
        let mut file = Self {
            module,
            re_exports: HashMap::new(),
            named: Vec::new(),
        };
        let mut at = 0;
        while at < words.len() {
            let (paths, end) = paths_at(&words, at);
            let is_re_export = at > 1 && words[at - 1] == "use" && is_public(&words[..at - 1]);
            for path in paths {
                let Some(path) = file.absolute(path, &children) else {
                    continue;
                };
                if is_re_export {
                    let name = path.last().unwrap().clone();
                    file.re_exports.insert(name, path);
                } else {
                    file.named.push(path);
                }
            }
            at = end;
        }
        let own = without_declarations(&words);
        let used = |name: &str| own.contains(&name);
        let re_exports = file.re_exports.iter();
        let used = re_exports.filter(|(name, _)| used(name));
        file.named.extend(used.map(|(_, path)| path.clone()));
        file
    }

    /// The path from the root of the crate. `None` for a path to another crate.
    fn absolute(&self, mut path: Path, children: &[&str]) -> Option<Path> {
        let mut absolute = match path[0].as_str() {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => self.module[..self.module.len() - 1].to_vec(),
            first if children.contains(&first) => {
                path.insert(0, String::new());
                self.module.clone()
            }
            _ => return None,
        };
        for name in path.into_iter().skip(1) {
            if name == "super" {
                absolute.pop();
            } else if name != "self" {
                absolute.push(name);
            }
        }
        Some(absolute)
    }
}

/// Whether the words end with a visibility: `pub`, `pub(crate)`, `pub(in path)`.
fn is_public(words: &[&str]) -> bool {
    match words {
        [.., "pub"] => true,
        [before @ .., ")"] => {
            let open = before.iter().rposition(|&word| word == "(");
            open.is_some_and(|open| open > 0 && before[open - 1] == "pub")
        }
        _ => false,
    }
}

/// The words without `use` statements and declarations of modules.
fn without_declarations<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    let mut within = false;
    for (position, &word) in words.iter().enumerate() {
        within |= word == "use" || (word == "mod" && words.get(position + 2) == Some(&";"));
        if !within {
            kept.push(word);
        }
        within &= word != ";";
    }
    kept
}

/// The modules that the code declares by `mod name;`.
fn children<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let declarations = words
        .windows(3)
        .filter(|w| w[0] == "mod" && w[2] == ";" && is_name(w[1]));
    declarations.map(|w| w[1]).collect()
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The paths that start at a position, and the position after them: `a::b::c` and `a::d` for
/// `a::{b::c, d}`. Paths of one name, and paths in `pub(in path)`, are skipped.
fn paths_at(words: &[&str], start: usize) -> (Vec<Path>, usize) {
    let mut paths = Vec::new();
    if !is_name(words[start]) {
        return (paths, start + 1);
    }
    let end = tree(words, start, &[], &mut paths);
    paths.retain(|path| path.len() > 1);
    if words[..start].ends_with(&["(", "in"]) {
        paths.clear();
    }
    (paths, end)
}

/// Reads one path, or a tree of paths in braces, that follows `prefix`. Returns the position after
/// it.
fn tree(words: &[&str], mut at: usize, prefix: &[String], paths: &mut Vec<Path>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match words.get(at) {
            Some(&"{") => {
                at += 1;
                while words.get(at).is_some_and(|&word| word != "}") {
                    at = match words[at] {
                        "," => at + 1,
                        _ => tree(words, at, &path, paths),
                    };
                }
                return at + 1;
            }
            Some(&word) if is_name(word) => path.push(word.to_owned()),
            // A glob, or generic arguments.
            _ => {
                paths.push(path);
                return at + 1;
            }
        }
        at += 1;
        if !words[at..].starts_with(&[":", ":"]) {
            break;
        }
        at += 2;
    }
    if words.get(at) == Some(&"as") {
        at += 2;
    }
    paths.push(path);
    at
}

/// The dependencies between all files of the library.
fn graph(sources: &[Source]) -> Graph {
    let library = sources.iter().filter(|source| !source.is_command());
    let files: HashMap<Path, (&str, File)> = library
        .map(|source| (source.path.as_str(), File::read(source)))
        .map(|(path, file)| (file.module.clone(), (path, file)))
        .collect();
    let mut graph = Graph::new();
    for (path, file) in files.values() {
        let targets = file.named.iter().map(|named| declared_in(&files, named));
        let others = targets.filter(|target| target != path);
        graph.insert((*path).to_owned(), others.collect());
    }
    graph
}

/// The file that declares the name at the end of a path.
fn declared_in(files: &HashMap<Path, (&str, File)>, path: &[String]) -> String {
    let mut module = Vec::new();
    for (position, name) in path.iter().enumerate() {
        let child = [&module[..], std::slice::from_ref(name)].concat();
        if files.contains_key(&child) {
            module = child;
            continue;
        }
        return match files[&module].1.re_exports.get(name) {
            Some(origin) if origin != path => {
                declared_in(files, &[&origin[..], &path[position + 1..]].concat())
            }
            _ => files[&module].0.to_owned(),
        };
    }
    files[&module].0.to_owned()
}

/// A cycle of the graph: each node depends on the next, the last on the first.
fn cycle(graph: &Graph) -> Option<Vec<String>> {
    fn visit<'a>(
        graph: &'a Graph,
        node: &'a str,
        done: &mut BTreeSet<&'a str>,
        trail: &mut Vec<&'a str>,
    ) -> Option<Vec<String>> {
        if let Some(start) = trail.iter().position(|&other| other == node) {
            return Some(trail[start..].iter().map(|&name| name.to_owned()).collect());
        }
        if done.contains(node) {
            return None;
        }
        trail.push(node);
        let next = graph.get(node).into_iter().flatten();
        let found = next
            .into_iter()
            .find_map(|next| visit(graph, next, done, trail));
        trail.pop();
        done.insert(node);
        found
    }
    let (mut done, mut trail) = (BTreeSet::new(), Vec::new());
    let mut nodes = graph.keys();
    nodes.find_map(|node| visit(graph, node, &mut done, &mut trail))
}

/// The dependencies between the entries of a folder. `m/a.rs` and the folder `m/a/` are one entry;
/// `m.rs`, the index of the folder, is an entry too.
fn of_folder(graph: &Graph, folder: &str) -> Graph {
    let entry = |path: &str| {
        let rest = path.strip_prefix(folder)?;
        let name = rest
            .strip_prefix('/')
            .or(Some(rest).filter(|rest| *rest == ".rs"))?;
        let name = name.split('/').next()?;
        Some(name.trim_end_matches(".rs").to_owned())
    };
    let mut entries = Graph::new();
    for (path, others) in graph {
        let Some(own) = entry(path) else { continue };
        let others = others.iter().filter_map(|other| entry(other));
        let others: Vec<_> = others.filter(|other| *other != own).collect();
        entries.entry(own).or_default().extend(others);
    }
    entries
}

/// A cycle between the files of a top-level module, or between the entries of one of its folders.
fn cycle_within(graph: &Graph, module: &str) -> Option<Vec<String>> {
    let is_within = |path: &String| {
        let rest = path.strip_prefix(module);
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    };
    let files = graph.iter().filter(|(path, _)| is_within(path));
    let files: Graph = files
        .map(|(path, others)| {
            let others = others.iter().filter(|other| is_within(other));
            (path.clone(), others.cloned().collect())
        })
        .collect();
    let folders: BTreeSet<&str> = files
        .keys()
        .filter_map(|path| Some(path.rsplit_once('/')?.0))
        .collect();
    cycle(&files).or_else(|| {
        let mut folders = folders.into_iter();
        folders.find_map(|folder| cycle(&of_folder(&files, folder)))
    })
}

#[test]
fn modules_have_no_cycles() {
    let graph = graph(&Source::all());
    let cycles: Vec<Vec<String>> = MODULES
        .iter()
        .filter_map(|module| cycle_within(&graph, module))
        .collect();
    assert!(cycles.is_empty(), "each depends on the next: {cycles:?}");
    // The scan finds dependencies that exist: by a re-export, by `super`, on a child module.
    let depends = |path: &str, other: &str| graph[path].contains(other);
    assert!(depends("tensor/product.rs", "tensor/unfold.rs"));
    assert!(depends("tensor/multi_product.rs", "tensor/shape.rs"));
    assert!(depends("cuda/maps/lane.rs", "cuda/launch/maps.rs"));
    assert!(depends("cuda/maps/lane.rs", "cuda/maps/job.rs"));
}

#[test]
fn a_cycle_is_found_in_every_form() {
    let cycle = |files: &[(&str, &str)]| {
        let root = ("lib.rs", "pub mod m;\npub use m::Thing;");
        let sources = files.iter().chain([&root]).map(|&(path, code)| Source {
            path: path.into(),
            code: code.into(),
        });
        cycle_within(&graph(&sources.collect::<Vec<_>>()), "m")
    };
    let index = "mod a;\nmod b;\npub use a::Thing;\npub(in crate::m) use b::{Other as One, other};";
    for (a, b) in [
        ("use super::other;", "use super::Thing;"),
        ("use super::b::other;", "use crate::{m::{a}, error};"),
        ("fn f() { super::b::other() }", "use crate::Thing;"),
        ("use super::{b};", "fn f(thing: crate::m::Thing) {}"),
    ] {
        let found = cycle(&[("m.rs", index), ("m/a.rs", a), ("m/b.rs", b)]);
        assert_eq!(
            found,
            Some(vec!["m/a.rs".into(), "m/b.rs".into()]),
            "{a} {b}"
        );
    }
    // The code of an index uses a name that it re-exports.
    let uses = format!("{index}\nfn f() {{ other() }}");
    let found = cycle(&[("m.rs", &uses), ("m/a.rs", ""), ("m/b.rs", "use super::f;")]);
    assert!(found.is_some());
    // Folders that depend on each other through different files.
    let found = cycle(&[
        ("m.rs", "mod a;\nmod b;"),
        ("m/a.rs", "mod x;\nmod y;"),
        ("m/a/x.rs", "use crate::m::b::y;"),
        ("m/a/y.rs", ""),
        ("m/b.rs", "mod x;\nmod y;"),
        ("m/b/x.rs", "use super::super::a::y;"),
        ("m/b/y.rs", ""),
    ]);
    assert_eq!(found, Some(vec!["a".into(), "b".into()]));
    // No cycles.
    for (a, b) in [
        ("use super::other;", "pub(in crate::m) fn other() {}"),
        ("use super::b::{other, One};", "fn f() { m::a() }"),
        (
            "use super::b;",
            "#[cfg(test)]\nmod tests { use super::super::a; }",
        ),
    ] {
        let found = cycle(&[("m.rs", index), ("m/a.rs", a), ("m/b.rs", b)]);
        assert_eq!(found, None, "{a} {b}");
    }
}
