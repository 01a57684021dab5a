//! The schemas of the document: derived from the types that are read and written.

use std::{borrow::Cow, sync::OnceLock};

use serde_json::{Map, Value as Json, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

use super::{operation, operation::Shape, problem::Problem};
use crate::{
    config::Legacy,
    inspect::{self, Signature},
    oauth::{
        client::{ApplicationType, AuthMethod, GrantType, Kind, Origin, SecretState, Status},
        people_settings::{ResponseAlg, SubjectType},
    },
    registry::{credentials::CredentialState, impact::Cut},
    snippets::Language,
    store::{
        apis::{Risk, TokenFormat},
        credential_offers::OfferState,
        keys::KeyState,
        users::{Role, UserStatus},
        webhook_deliveries::State as DeliveryState,
    },
    time::{Lifetime, Timestamp},
};

/// A set of words is a text that is one of them.
macro_rules! words {
    ($($name:ident,)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = Self::ALL.iter().map(|one| one.word());
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
            }
        }
        impl ToSchema for $name {}
    )+};
}

words! {
    ApplicationType, AuthMethod, CredentialState, Cut, DeliveryState, Kind, KeyState, Language, OfferState, Origin, Risk, Role, SecretState, Signature, Status,
    SubjectType, TokenFormat, UserStatus,
}

/// Another set has this name already.
impl PartialSchema for inspect::Kind {
    fn schema() -> RefOr<Schema> {
        let words = Self::ALL.iter().map(|one| one.word());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(words))
            .into()
    }
}
impl ToSchema for inspect::Kind {
    fn name() -> Cow<'static, str> {
        "TokenKind".into()
    }
}

/// What is always offered; [`components`] adds what an instance offers beyond that.
impl PartialSchema for GrantType {
    fn schema() -> RefOr<Schema> {
        let words = Self::offered(false, false).into_iter().map(Self::word);
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(words))
            .into()
    }
}
impl ToSchema for GrantType {}

/// The description belongs to the refusal of every other word.
impl PartialSchema for ResponseAlg {
    fn schema() -> RefOr<Schema> {
        let words = Self::ALL.iter().map(|one| one.word());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(words))
            .description(Some("It is always signed: none is not among them."))
            .into()
    }
}
impl ToSchema for ResponseAlg {}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}
impl ToSchema for Timestamp {}

impl PartialSchema for Lifetime {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some("Seconds"))
            .minimum(Some(0))
            .into()
    }
}
impl ToSchema for Lifetime {}

/// Every schema by name, on an instance with these grants for migrations.
pub fn components(legacy: &Legacy) -> &'static Map<String, Json> {
    static COMPONENTS: [OnceLock<Map<String, Json>>; 4] = [const { OnceLock::new() }; 4];
    let (password, implicit) = (legacy.password_grant, legacy.implicit_grant);
    COMPONENTS[usize::from(password) + 2 * usize::from(implicit)].get_or_init(|| {
        let mut all = Map::new();
        let mut add = |shape: &Shape| {
            all.insert((shape.name)().into_owned(), (shape.schema)());
            let mut found = Vec::new();
            (shape.others)(&mut found);
            for (name, schema) in found {
                let schema = serde_json::to_value(schema).unwrap_or_default();
                all.insert(name, schema);
            }
        };
        add(&Shape::of::<Problem>());
        for operation in super::operations() {
            if let Some(body) = &operation.body {
                add(&body.shape);
            }
            match &operation.answer {
                operation::Answer::Ok(shape)
                | operation::Answer::Created(shape)
                | operation::Answer::OkUnlessTried(shape)
                | operation::Answer::NothingBut(shape) => add(shape),
                operation::Answer::Nothing | operation::Answer::File(_) => {}
            }
        }
        select_members(&mut all);
        if let Some(grants) = all.get_mut("GrantType") {
            grants["enum"] = json!(GrantType::offered(password, implicit));
        }
        all
    })
}

/// A list with `fields` has only some members of each item.
fn select_members(all: &mut Map<String, Json>) {
    let Some(mut some) = all.get("Client").cloned() else {
        return;
    };
    if let Some(members) = some.as_object_mut() {
        members.remove("required");
    }
    if let Some(list) = all.get_mut("ClientList") {
        list["properties"]["data"]["items"] = json!({ "$ref": "#/components/schemas/SelectedClient" });
    }
    all.insert("SelectedClient".to_owned(), some);
}
