//! `process metadata`: JSON, of which the numbers of the threads are read.

/// What a piece of JSON is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Open(u8),
    Close,
    Comma,
    Colon,
    Text(&'a str),
    Number(&'a str),
    Word,
}

/// Cuts JSON into pieces; `None` at the end, and where it is none.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.0.trim_start();
        let first = *rest.as_bytes().first()?;
        let (token, length) = match first {
            b'{' | b'[' => (Token::Open(first), 1),
            b'}' | b']' => (Token::Close, 1),
            b',' => (Token::Comma, 1),
            b':' => (Token::Colon, 1),
            b'"' => {
                let mut escaped = false;
                let end = rest.bytes().skip(1).position(|byte| {
                    let ends = byte == b'"' && !escaped;
                    escaped = byte == b'\\' && !escaped;
                    ends
                })?;
                (Token::Text(rest.get(1..end.checked_add(1)?)?), end.checked_add(2)?)
            }
            _ => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).unwrap_or(rest.len());
                let word = rest.get(..end).filter(|word| !word.is_empty())?;
                let is_number = first.is_ascii_digit() || first == b'-';
                (if is_number { Token::Number(word) } else { Token::Word }, end)
            }
        };
        self.0 = rest.get(length..)?;
        Some(token)
    }
}

/// The `thread_id` of each of `{"threads": [{"thread_id": …}, …]}`; `None` where there is no such list. A thread whose
/// number is not noted has 0, so that the list still goes with the threads of the core.
pub(super) fn thread_ids(json: &str) -> Option<Vec<u64>> {
    let (mut depth, mut key, mut is_value) = (0_usize, "", false);
    let mut threads: Option<Vec<u64>> = None;
    let mut inside = false;
    for token in Tokens(json) {
        match token {
            Token::Open(kind) => {
                if depth == 1 && is_value && key == "threads" && kind == b'[' {
                    inside = true;
                    threads = Some(Vec::new());
                } else if depth == 2
                    && inside
                    && let Some(threads) = &mut threads
                {
                    threads.push(0);
                }
                (depth, is_value, key) = (depth.saturating_add(1), false, "");
            }
            Token::Close => {
                depth = depth.checked_sub(1)?;
                inside &= depth >= 2;
                is_value = false;
            }
            Token::Comma => is_value = false,
            Token::Colon => is_value = true,
            Token::Text(text) if !is_value => key = text,
            Token::Number(number) if is_value && inside && depth == 3 && key == "thread_id" => {
                let last = threads.as_mut().and_then(|threads| threads.last_mut());
                if let (Some(last), Ok(number)) = (last, number.parse()) {
                    *last = number;
                }
            }
            Token::Text(_) | Token::Number(_) | Token::Word => {}
        }
    }
    threads
}
