//! Every file that a page in Markdown names or links to exists.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of the files that pages name.
const FOLDERS: &[&str] = &[
    "src/",
    "tests/",
    "benches/",
    "docs/",
    "examples/",
    "kernels/",
    "fuzz/",
    ".ci/",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let mut pages: Vec<PathBuf> = docs
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.extend(["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    pages.sort();
    pages
}

/// The paths in `text` that start with one of [`FOLDERS`].
fn named_paths(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    text.split(|c| !is_part(c))
        .map(|path| path.trim_end_matches('.'))
        .filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder)))
        .collect()
}

/// The targets of the links in `text` to files, without anchors.
fn linked_files(text: &str) -> Vec<&str> {
    let links = text.split("](").skip(1);
    links
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .collect()
}

#[test]
fn pages_name_files_that_exist() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let named = named_paths(&text).into_iter().map(|path| root().join(path));
        let folder = page.parent().unwrap();
        let linked = linked_files(&text)
            .into_iter()
            .map(|path| folder.join(path));
        missing.extend(
            named
                .chain(linked)
                .filter(|path| !path.exists())
                .map(|path| format!("{}: {}", page.display(), path.display())),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn paths_and_links_of_a_page_are_found() {
    let text = "`src/a.rs`, tests/b/c.rs. [Page](docs/d.md#part) ![](e.png) [web](https://f.org/src/x) [here](#g)";
    assert_eq!(named_paths(text), ["src/a.rs", "tests/b/c.rs", "docs/d.md"]);
    assert_eq!(linked_files(text), ["docs/d.md", "e.png"]);
}
