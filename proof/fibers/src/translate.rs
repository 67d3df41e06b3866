//! From a CUDA source to C++: the little that macros cannot do.
//!
//! - `extern "C"` becomes `extern "C++"`, so that a kernel may be called like a
//!   function of the C library.
//! - `extern __shared__ T name[];` gets the assembler name of the engine's dynamic
//!   shared memory.
//! - `__shared__ T a[2][3], b;` becomes two references to slots of shared memory.
//!
//! All else stays as it is, line by line.

/// A kernel's entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name of the function.
    pub name: String,
    /// What stands in the parentheses of `__launch_bounds__`, empty without.
    pub bounds: String,
}

/// A source as C++ and the kernels in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The C++ text, with as many lines as the source.
    pub text: String,
    /// Its `extern "C" __global__` functions, in order.
    pub entries: Vec<Entry>,
}

/// Translates one file.
///
/// # Errors
/// Fails where `__shared__` stands in a preprocessor directive, or a declaration with it
/// has no end or no name.
pub fn translate(source: &str) -> Result<Translation, String> {
    let mut text = String::with_capacity(source.len());
    let mut entries: Vec<Entry> = Vec::new();
    let mut exported = false;
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let token = token(
            rest,
            text.trim_end_matches([' ', '\t']).ends_with('\n') || at == 0,
        );
        at += token.len();
        match token {
            "extern" => {
                let (gap, next) = after_blanks(&source[at..]);
                if next.starts_with("\"C\"") {
                    text += &format!("extern{gap}\"C++\"");
                    at += gap.len() + 3;
                    exported = true;
                } else if next.starts_with("__shared__") {
                    let declaration = declaration(&source[at..])?;
                    let plain = declaration.replacen("__shared__", "", 1);
                    text += &format!("extern{plain} __asm__(\"cuda_dynamic_shared\");");
                    at += declaration.len() + 1;
                } else {
                    text += token;
                }
            }
            "__shared__" => {
                let declaration = declaration(&source[at..])?;
                text += &slots(declaration)?;
                text += &"\n".repeat(declaration.matches('\n').count());
                at += declaration.len() + 1;
            }
            "__global__" => {
                if exported {
                    let entry = entry(&source[at..])?;
                    if entries.iter().all(|known| known.name != entry.name) {
                        entries.push(entry);
                    }
                }
                text += token;
            }
            _ => {
                if token.starts_with('#') && token.contains("__shared__") {
                    return Err(format!("__shared__ in a directive: {token}"));
                }
                exported &= ![";", "{", "}"].contains(&token);
                text += token;
            }
        }
    }
    Ok(Translation { text, entries })
}

/// The first token of a text that is not empty: a comment, a literal, a directive (at the
/// start of a line), a word, or one character.
fn token(text: &str, line_starts: bool) -> &str {
    let until = |end: &str, from: usize| {
        text[from..]
            .find(end)
            .map_or(text.len(), |found| from + found + end.len())
    };
    let first = text.chars().next().unwrap_or_default();
    let length = if text.starts_with("//") {
        text.find('\n').unwrap_or(text.len())
    } else if text.starts_with("/*") {
        until("*/", 2)
    } else if first == '"' || first == '\'' {
        literal(text, first)
    } else if first == '#' && line_starts {
        directive(text)
    } else if is_word(first) {
        text.find(|c| !is_word(c)).unwrap_or(text.len())
    } else {
        first.len_utf8()
    };
    &text[..length]
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the literal in `quote`s that starts a text.
fn literal(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// The length of the directive that starts a text, lines that go on included.
fn directive(text: &str) -> usize {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        if !line.trim_end().ends_with('\\') {
            break;
        }
    }
    end - usize::from(text[..end].ends_with('\n'))
}

/// The blanks at the start of a text, and what follows them.
fn after_blanks(text: &str) -> (&str, &str) {
    text.split_at(text.len() - text.trim_start().len())
}

/// A text up to its first semicolon.
fn declaration(text: &str) -> Result<&str, String> {
    let end = text
        .find(';')
        .ok_or("a __shared__ declaration without an end")?;
    Ok(&text[..end])
}

/// References to slots for what `T a[2][3], b` declares.
fn slots(declaration: &str) -> Result<String, String> {
    let declaration = without_alignment(declaration);
    let mut references = String::new();
    let mut type_name = "";
    for (place, declarator) in split_top_level(&declaration).into_iter().enumerate() {
        let name_end = declarator.find('[').unwrap_or(declarator.len());
        let extents = declarator[name_end..].trim();
        let head = declarator[..name_end].trim_end();
        let name_start = head.rfind(|c| !is_word(c)).map_or(0, |before| before + 1);
        let name = &head[name_start..];
        if place == 0 {
            type_name = head[..name_start].trim();
        }
        if name.is_empty() || type_name.is_empty() {
            return Err(format!("not understood: __shared__{declaration}"));
        }
        references +=
            &format!("static auto& {name} = cuda::shared_slot<{type_name} {extents}>(); ");
    }
    Ok(references.trim_end().to_owned())
}

/// A declaration on one line, without `__align__(n)`: each slot is aligned to more than
/// any type wants.
fn without_alignment(declaration: &str) -> String {
    let line = declaration.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in ["__align__", "alignas"] {
        if let Some((before, after)) = line.split_once(word)
            && let Some((_, rest)) = after.split_once(')')
        {
            return format!("{before}{rest}");
        }
    }
    line
}

/// The parts of a text between commas that stand in no brackets.
fn split_top_level(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' | '<' | '{' => depth += 1,
            ']' | ')' | '>' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The entry point whose declaration follows `__global__`.
fn entry(text: &str) -> Result<Entry, String> {
    let mut bounds = String::new();
    let mut name = "";
    let mut at = 0;
    while at < text.len() {
        let token = token(&text[at..], false);
        at += token.len();
        if token == "(" {
            if name != "__launch_bounds__" {
                return Ok(Entry {
                    name: name.to_owned(),
                    bounds,
                });
            }
            let end = closing(&text[at..]).ok_or("__launch_bounds__ without an end")?;
            bounds = text[at..at + end].trim().to_owned();
            at += end + 1;
        } else if token.starts_with(is_word) {
            name = token;
        }
    }
    Err("__global__ without a function".to_owned())
}

/// Where the parenthesis that was opened before a text closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(source: &str) -> String {
        translate(source).unwrap().text
    }

    #[test]
    fn static_shared_memory_becomes_slots() {
        assert_eq!(
            text_of("__shared__ Real a[N][M + 1], b;"),
            "static auto& a = cuda::shared_slot<Real [N][M + 1]>(); \
             static auto& b = cuda::shared_slot<Real >();"
        );
        assert_eq!(
            text_of("{ __shared__ __align__(16)\nunsigned int c[f(1, 2)];\n}"),
            "{ static auto& c = cuda::shared_slot<unsigned int [f(1, 2)]>();\n\n}"
        );
    }

    #[test]
    fn dynamic_shared_memory_gets_its_name() {
        assert_eq!(
            text_of("extern __shared__ double all[];"),
            "extern  double all[] __asm__(\"cuda_dynamic_shared\");"
        );
    }

    #[test]
    fn comments_literals_and_directives_stay() {
        let source = "// __shared__ a\n/* extern \"C\" */ \"__shared__\" '\"'\n#define A \\\n b\n";
        assert_eq!(text_of(source), source);
        assert!(translate("#define A __shared__ int a;\n").is_err());
        assert!(translate("__shared__ int a").is_err());
        assert!(translate("__shared__ a;").is_err());
    }

    #[test]
    fn entries_are_found() {
        let source = "extern \"C\" __global__ void __launch_bounds__(sq(4), 2)\nfirst(int a) {}\n\
                      template <class T> __global__ void inner(T a) {}\n\
                      extern \"C\" __global__ void second();\n\
                      extern \"C\" __global__ void second() {}";
        let entry = |name: &str, bounds: &str| Entry {
            name: name.into(),
            bounds: bounds.into(),
        };
        let translation = translate(source).unwrap();
        assert_eq!(
            translation.entries,
            [entry("first", "sq(4), 2"), entry("second", "")]
        );
        assert_eq!(translation.text.lines().count(), source.lines().count());
        assert!(!translation.text.contains("\"C\""));
    }
}
