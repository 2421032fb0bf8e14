//! Rust source without comments and literals, and the paths that it mentions.
//!
//! This is no parser: it knows just enough of the language not to be fooled by a word in a comment or in a string.

/// The code alone: comments and the insides of literals become blanks, line breaks stay where they are.
pub fn code_of(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut i = 0;
    while let Some(&c) = text.get(i) {
        let end = match (c, text.get(i + 1)) {
            ('/', Some('/')) => line_end(&text, i),
            ('/', Some('*')) => block_comment_end(&text, i),
            ('"', _) => string_end(&text, i),
            ('r', _) if !is_word_before(&text, i) => raw_string_end(&text, i).unwrap_or(i),
            ('\'', _) => char_end(&text, i).unwrap_or(i),
            _ => i,
        };
        if end == i {
            code.push(c);
            i += 1;
        } else {
            code.extend(text[i..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    code
}

fn line_end(text: &[char], start: usize) -> usize {
    text[start..].iter().position(|&c| c == '\n').map_or(text.len(), |length| start + length)
}

fn block_comment_end(text: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i < text.len() {
        match (text[i], text.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    text.len()
}

fn string_end(text: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while let Some(&c) = text.get(i) {
        match c {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    text.len()
}

/// The end of `r"…"` or `r#"…"#`; `None` for a name such as `raw` or `r#type`.
fn raw_string_end(text: &[char], start: usize) -> Option<usize> {
    let hashes = text[start + 1..].iter().take_while(|&&c| c == '#').count();
    let open = start + 1 + hashes;
    if text.get(open) != Some(&'"') {
        return None;
    }
    let closes =
        |i: usize| text[i] == '"' && text[i + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes;
    Some((open + 1..text.len()).find(|&i| closes(i)).map_or(text.len(), |i| i + 1 + hashes))
}

/// The end of a character literal; `None` for a lifetime.
fn char_end(text: &[char], start: usize) -> Option<usize> {
    if text.get(start + 1) == Some(&'\\') {
        return (start + 3..text.len()).find(|&i| text[i] == '\'').map(|i| i + 1);
    }
    (text.get(start + 2) == Some(&'\'')).then_some(start + 3)
}

/// Whether the letter at `i` goes on a word. `br"…"` and `cr"…"` are raw strings too, so those letters do not count.
fn is_word_before(text: &[char], i: usize) -> bool {
    let word = |i: usize| text.get(i).is_some_and(|c| c.is_alphanumeric() || *c == '_');
    match i.checked_sub(1) {
        Some(before) if matches!(text[before], 'b' | 'c') => before.checked_sub(1).is_some_and(word),
        Some(before) => word(before),
        None => false,
    }
}

/// A word or a sign of the code, with its line (from 1). `::` is one sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// The words and signs of code without comments and literals.
pub fn tokens(code: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = match word {
                0 if rest.starts_with("::") => 2,
                0 => rest.chars().next().map_or(1, char::len_utf8),
                _ => word,
            };
            found.push(Token { text: rest[..length].to_owned(), line: number + 1 });
            rest = rest[length..].trim_start();
        }
    }
    found
}

/// The first name below the crate's root of every path in `code` that starts there: `bytes` of `crate::bytes::Bytes`,
/// of `use crate::{bytes::Bytes}` and, in a file whose module lies `depth` modules below the root, of
/// `super::…::bytes`.
pub fn names_at_root(code: &str, depth: usize) -> Vec<Token> {
    let tokens = tokens(code);
    let mut names = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let starts_a_path = i.checked_sub(1).is_none_or(|before| tokens[before].text != "::");
        let starts_a_branch = starts_a_path && tokens.get(i + 1).is_some_and(|next| next.text == "::");
        match token.text.as_str() {
            "crate" if starts_a_branch => collect(&tokens, i + 2, depth, depth, &mut names),
            "super" if starts_a_branch => collect(&tokens, i + 2, 1, depth, &mut names),
            _ => {}
        }
    }
    names
}

/// Follows one branch of a path from `i`, which is `up` modules above the file's own.
fn collect(tokens: &[Token], i: usize, up: usize, depth: usize, names: &mut Vec<Token>) {
    let Some(token) = tokens.get(i) else { return };
    match token.text.as_str() {
        "super" => collect(tokens, i + 2, up + 1, depth, names),
        "self" if tokens.get(i + 1).is_some_and(|next| next.text == "::") => collect(tokens, i + 2, up, depth, names),
        "{" => {
            let mut nesting = 0_usize;
            for (j, inner) in tokens.iter().enumerate().skip(i) {
                match inner.text.as_str() {
                    "{" => nesting += 1,
                    "}" => nesting -= 1,
                    _ => {}
                }
                if nesting == 0 {
                    return;
                }
                if nesting == 1 && matches!(inner.text.as_str(), "{" | ",") {
                    collect(tokens, j + 1, up, depth, names);
                }
            }
        }
        "}" => {}
        _ if up >= depth => names.push(token.clone()),
        _ => {}
    }
}
