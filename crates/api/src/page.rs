//! A page of a list: the same for every kind of entity, but for the name of the field that holds the entities.

use serde::de::Error;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::object::Object;

/// An entity that is listed page by page.
pub trait Listed {
    /// The field of a page that holds the entities, such as `sessions`.
    const FIELD: &'static str;
    /// The name of the page in the OpenAPI document, such as `SessionList`.
    const LIST: &'static str;
}

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The entities; in JSON their field is [`Listed::FIELD`].
    pub items: Vec<T>,
    /// How many the filter matches in all.
    pub total: u64,
    /// How many a page has at most.
    pub limit: u32,
    /// How many were skipped; `None` when a cursor was given.
    pub offset: Option<u64>,
    /// What to give as `cursor` for the next page; `None` at the end.
    pub next_cursor: Option<String>,
}

/// The fields of every page. Their documentation is part of the OpenAPI document.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
struct CommonFields {
    /// How many the filter matches in all.
    total: u64,
    /// How many a page has at most.
    limit: u32,
    /// How many were skipped; null when a cursor was given.
    #[cfg_attr(feature = "schema", schema(required = true))]
    offset: Option<u64>,
    /// What to give as `cursor` for the next page; null at the end.
    #[cfg_attr(feature = "schema", schema(required = true))]
    next_cursor: Option<String>,
}

impl<T: Listed + Serialize> Serialize for Page<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut page = serializer.serialize_struct(T::LIST, 5)?;
        page.serialize_field(T::FIELD, &self.items)?;
        page.serialize_field("total", &self.total)?;
        page.serialize_field("limit", &self.limit)?;
        page.serialize_field("offset", &self.offset)?;
        page.serialize_field("next_cursor", &self.next_cursor)?;
        page.end()
    }
}

impl<'de, T: Listed + Deserialize<'de>> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Object::deserialize(deserializer)?;
        let items = fields.remove(T::FIELD).ok_or_else(|| D::Error::missing_field(T::FIELD))?;
        let items = Vec::deserialize(items).map_err(D::Error::custom)?;
        let common = CommonFields::deserialize(Value::Object(fields)).map_err(D::Error::custom)?;
        let CommonFields { total, limit, offset, next_cursor } = common;
        Ok(Self { items, total, limit, offset, next_cursor })
    }
}

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema};
    use utoipa::openapi::{Ref, RefOr};
    use utoipa::{PartialSchema, ToSchema};

    use super::{CommonFields, Listed, Page};

    impl<T: Listed + ToSchema> PartialSchema for Page<T> {
        fn schema() -> RefOr<Schema> {
            let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
            let items = items.description(Some(format!("The {}.", T::FIELD)));
            let description = Some(format!("A page of {}, newest first.", T::FIELD));
            let mut page = ObjectBuilder::new().description(description).property(T::FIELD, items).required(T::FIELD);
            if let RefOr::T(Schema::Object(common)) = CommonFields::schema() {
                page = common.properties.into_iter().fold(page, |page, (name, schema)| page.property(name, schema));
                page = common.required.into_iter().fold(page, ObjectBuilder::required);
            }
            page.into()
        }
    }

    impl<T: Listed + ToSchema> ToSchema for Page<T> {
        fn name() -> Cow<'static, str> {
            T::LIST.into()
        }

        fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
            schemas.push((T::name().into_owned(), T::schema()));
            T::schemas(schemas);
        }
    }
}
