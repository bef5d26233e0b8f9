//! Values that are text or numbers on the wire and something better inside.

use std::{
    borrow::Cow,
    fmt::{self, Display},
    str::FromStr,
};

use doorbell_core::{
    address::Jid,
    capability::Verb,
    channel::ChannelLabel,
    folder::Folder,
    grant::{Context, GrantId, MAX_CONTEXT},
    key::KeyId,
    label::{Label, SessionId, Suffix},
    message::{Cursor, MAX_REASON, MessageId, Reason, RouteId},
    pattern::Pattern,
    route::Target,
    time::Timestamp,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A value that travels as a string and is parsed on arrival.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<T>(pub T);

/// How a type reads as text, and what its schema says of that.
pub trait TextShape: Sized {
    /// The name of its schema.
    const NAME: &'static str;

    /// Its schema: at least `type`, and what rule the text obeys.
    fn schema() -> Schema;

    /// Reads it; the error says the rule.
    fn read(text: &str) -> Result<Self, String>;

    /// Writes it.
    fn write(&self) -> Cow<'_, str>;

    /// The same, straight to where it goes.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write())
    }
}

/// Shows a value as it is written on the wire.
struct Shown<'a, T>(&'a T);

impl<T: TextShape> Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

impl<T: TextShape> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Shown(&self.0))
    }
}

impl<'de, T: TextShape> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        T::read(&text).map(Self).map_err(de::Error::custom)
    }
}

impl<T: TextShape> JsonSchema for Text<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        T::schema()
    }
}

impl<T> From<T> for Text<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// Implements [`TextShape`] through `FromStr` and `Display`.
macro_rules! text_shape {
    ($type:ty, $name:literal, $($schema:tt)+) => {
        impl TextShape for $type {
            const NAME: &'static str = $name;

            fn schema() -> Schema {
                json_schema!($($schema)+)
            }

            fn read(text: &str) -> Result<Self, String> {
                read(text)
            }

            fn write(&self) -> Cow<'_, str> {
                self.to_string().into()
            }

            fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Display::fmt(self, f)
            }
        }
    };
}

fn read<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

text_shape!(Folder, "Folder", {
    "type": "string",
    "description": "A path of 1 to 8 segments, each of A-Z a-z 0-9 _ -: acme/eng",
    "pattern": "^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,7}$"
});
text_shape!(Label, "Label", {
    "type": "string",
    "description": "One segment of A-Z a-z 0-9 _ -",
    "pattern": "^[A-Za-z0-9_-]{1,64}$"
});
text_shape!(Suffix, "Suffix", {
    "type": "string",
    "description": "One segment of A-Z a-z 0-9 _ -",
    "pattern": "^[A-Za-z0-9_-]{1,64}$"
});
text_shape!(Jid, "Jid", {
    "type": "string",
    "description": "The address messages arrive at: hook:acme/eng/github",
    "pattern": "^(hook:[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){1,9}|web:[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,8})$"
});
text_shape!(Pattern, "Pattern", {
    "type": "string",
    "description": "A glob over addresses: * is exactly one segment, a trailing ** is one or more. It filters what you may see and widens nothing. Example: hook:acme/eng/**",
    "pattern": "^(hook:|web:|doorbell:/sessions/)([A-Za-z0-9_-]{1,64}|\\*)(/([A-Za-z0-9_-]{1,64}|\\*)){0,14}(/\\*\\*)?$|^(hook:|web:|doorbell:/sessions/)\\*\\*$"
});
text_shape!(GrantId, "GrantId", {
    "type": "string", "description": "A ULID", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
});
text_shape!(RouteId, "RouteId", {
    "type": "string", "description": "A ULID", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
});
text_shape!(Target, "RouteTarget", {
    "type": "string",
    "description": "acme/eng rings, acme/eng#observe keeps it as context, doorbell:/sessions/build speaks to a session",
    "pattern": "^([A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,7}(#observe)?|doorbell:/sessions/[A-Za-z0-9_-]{1,64})$"
});
text_shape!(SessionId, "SessionId", {
    "type": "string",
    "description": "One segment of A-Z a-z 0-9 _ -, unique in an instance",
    "pattern": "^[A-Za-z0-9_-]{1,64}$"
});
text_shape!(ChannelLabel, "ChannelLabel", {
    "type": "string", "description": "1 to 200 printable characters", "minLength": 1, "maxLength": 200,
    "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
});
text_shape!(Verb, "Verb", { "type": "string", "enum": ["send_input"] });
text_shape!(KeyId, "KeyId", {
    "type": "string", "description": "A ULID", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
});
text_shape!(MessageId, "MessageId", {
    "type": "string", "description": "A ULID", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
});
text_shape!(Timestamp, "Timestamp", {
    "type": "string", "format": "date-time", "description": "RFC 3339, UTC, milliseconds"
});

impl TextShape for Context {
    const NAME: &'static str = "Context";

    fn schema() -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX_CONTEXT })
    }

    fn read(text: &str) -> Result<Self, String> {
        read(text)
    }

    fn write(&self) -> Cow<'_, str> {
        self.as_str().into()
    }
}

impl TextShape for Reason {
    const NAME: &'static str = "Reason";

    fn schema() -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_REASON })
    }

    fn read(text: &str) -> Result<Self, String> {
        read(text)
    }

    fn write(&self) -> Cow<'_, str> {
        self.as_str().into()
    }
}

/// A cursor is shown as `c` and a number; callers are told to treat it as opaque.
impl TextShape for Cursor {
    const NAME: &'static str = "Cursor";

    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where a page ended; opaque. It stays good at the end of the log.",
            "pattern": "^c[0-9]{1,19}$"
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        let digits = text
            .strip_prefix('c')
            .filter(|digits| digits.len() <= 19 && digits.bytes().all(|b| b.is_ascii_digit()));
        digits
            .and_then(|digits| digits.parse().ok())
            .map(Cursor)
            .ok_or_else(|| "not a cursor; pass one exactly as it was returned".to_owned())
    }

    fn write(&self) -> Cow<'_, str> {
        format!("c{}", self.0).into()
    }
}

/// A whole number within `MIN..=MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Count<MIN, MAX> {
    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number as a size of something in memory.
    pub fn as_len(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The number if it is within bounds, else the nearest bound.
    pub const fn clamped(value: u64) -> Self {
        Self(if value < MIN {
            MIN
        } else if value > MAX {
            MAX
        } else {
            value
        })
    }
}

impl<const MIN: u64, const MAX: u64> Serialize for Count<MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Count<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(Whole::<MIN, MAX>).map(Self)
    }
}

/// Reads a whole number, `5.0` too: JSON Schema calls that an integer.
struct Whole<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> de::Visitor<'_> for Whole<MIN, MAX> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {MIN} to {MAX}")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
        if (MIN..=MAX).contains(&value) {
            Ok(value)
        } else {
            Err(E::custom(format!(
                "{value} is not a whole number from {MIN} to {MAX}"
            )))
        }
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<u64, E> {
        let unsigned = u64::try_from(value);
        unsigned
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
            .and_then(|value| self.visit_u64(value))
    }

    // The value is whole and every bound lies far below 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<u64, E> {
        if value.fract() == 0.0 && (0.0..=1e15).contains(&value) {
            self.visit_u64(value as u64)
        } else {
            Err(E::invalid_value(de::Unexpected::Float(value), &self))
        }
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Count<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Count{MIN}To{MAX}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}
