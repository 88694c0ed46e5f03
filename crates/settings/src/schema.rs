//! The table `[rekindle]` of a settings file as JSON Schema, for editors and other tools.

use serde_json::{Map, Value, json};

use crate::table::{Kind, Setting, Table};

/// JSON Schema, draft 2020-12.
pub fn json_schema(table: &Table) -> Value {
    let settings = table.settings.iter().filter(|setting| !setting.chooses_files);
    let properties: Map<_, _> = settings.map(|setting| (setting.key(), property(setting))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The table [rekindle] of Rekindle's settings",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn property(setting: &Setting) -> Value {
    let mut property = match setting.kind {
        Kind::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Decimal(least, most) => json!({ "type": "number", "minimum": least, "maximum": most }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Text => json!({ "type": "string" }),
        Kind::List => json!({ "type": ["array", "string"], "items": { "type": "string" } }),
    };
    property["description"] = setting.about.into();
    if let Some(default) = setting.default {
        property["default"] = match setting.kind {
            // Written as JSON writes them, so that they read as what they are.
            Kind::Integer(..) | Kind::Decimal(..) => serde_json::from_str(default).unwrap_or_default(),
            Kind::Choice(_) | Kind::Text | Kind::List => default.into(),
        };
    }
    property
}
