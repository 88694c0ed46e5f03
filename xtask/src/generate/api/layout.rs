//! JSON laid out for reading: fields in their original order, several on a line while they fit.

use anyhow::Result;
use bson::{Bson, Document};

const WIDTH: usize = 110;

/// Returns the object laid out; anything else unchanged.
pub(super) fn lay_out(json: &str) -> Result<String> {
    if !json.starts_with('{') {
        return Ok(json.trim_end().to_owned());
    }
    // `serde_json` would sort the fields.
    let document: Document = serde_json::from_str(json)?;
    Ok(show(&Bson::Document(document), 0))
}

fn show(value: &Bson, indent: usize) -> String {
    let flat = flat(value);
    if indent + flat.chars().count() <= WIDTH {
        return flat;
    }
    let (open, parts, close) = if let Bson::Document(fields) = value {
        let part = |(name, value): (&String, &Bson)| format!("{}: {}", text(name), show(value, indent + 2));
        ('{', fields.iter().map(part).collect::<Vec<_>>(), '}')
    } else if let Bson::Array(items) = value {
        ('[', items.iter().map(|item| show(item, indent + 2)).collect(), ']')
    } else {
        return flat;
    };
    let margin = " ".repeat(indent + 2);
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if !line.contains('\n') && !part.contains('\n') && fits(line, &part, indent) => {
                line.push_str(", ");
                line.push_str(&part);
            }
            _ => lines.push(part),
        }
    }
    format!("{open}\n{margin}{}\n{}{close}", lines.join(&format!(",\n{margin}")), " ".repeat(indent))
}

fn fits(line: &str, part: &str, indent: usize) -> bool {
    indent + 2 + line.chars().count() + 2 + part.chars().count() < WIDTH
}

fn flat(value: &Bson) -> String {
    if let Bson::Document(fields) = value {
        let parts: Vec<_> = fields.iter().map(|(name, value)| format!("{}: {}", text(name), flat(value))).collect();
        return format!("{{{}}}", parts.join(", "));
    }
    if let Bson::Array(items) = value {
        return format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", "));
    }
    // Strings, numbers, booleans and null are unchanged.
    serde_json::to_value(value).unwrap_or_default().to_string()
}

fn text(words: &str) -> String {
    serde_json::Value::from(words).to_string()
}

#[cfg(test)]
mod tests {
    use super::lay_out;

    #[test]
    fn fields_keep_their_order_and_share_lines_while_they_fit() {
        assert_eq!(lay_out(r#"{"b":1,"a":[1,{"c":null}]}"#).unwrap(), r#"{"b": 1, "a": [1, {"c": null}]}"#);
        let long = "x".repeat(60);
        let laid_out = lay_out(&format!(r#"{{"a":"{long}","b":1.5,"c":"{long}"}}"#)).unwrap();
        assert_eq!(laid_out, format!("{{\n  \"a\": \"{long}\", \"b\": 1.5,\n  \"c\": \"{long}\"\n}}"));
        assert_eq!(lay_out("text\n").unwrap(), "text");
    }
}
