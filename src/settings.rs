//! Settings that describe themselves: name, meaning, unit, range and default stand once, beside the field.
//!
//! Config, `validate`, the documented `config.toml` and the property tests all read the same table.

/// A value as it stands in a config file.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// Several numbers of one meaning.
    Numbers(Vec<f64>),
}

/// One field of a settings struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// Key in the config.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// Unit of the number; empty where it has none.
    pub unit: &'static str,
    /// Smallest value allowed.
    pub min: f64,
    /// Largest value allowed.
    pub max: f64,
    /// What it is when the config is silent.
    pub default: Value,
}

/// A settings struct made by [`settings!`](crate::settings!).
pub trait Settings: Default + Clone {
    /// Its fields, in order.
    fn fields() -> Vec<Field>;
    /// Takes a value, checked for type and range; the error says what would be right.
    fn set(&mut self, name: &str, value: &Value) -> Result<(), String>;
    /// The value of a field.
    fn get(&self, name: &str) -> Option<Value>;
}

/// A type a field may have.
pub trait FieldType: Clone {
    /// From a config value, or what was expected.
    fn take(value: &Value, current: &Self) -> Result<Self, String>;
    /// To a config value.
    fn give(&self) -> Value;
}

impl FieldType for f64 {
    fn take(value: &Value, _: &Self) -> Result<Self, String> {
        match value {
            Value::Number(number) => Ok(*number),
            Value::Flag(_) | Value::Numbers(_) => Err("must be a number".to_owned()),
        }
    }
    fn give(&self) -> Value {
        Value::Number(*self)
    }
}

impl FieldType for u32 {
    fn take(value: &Value, _: &Self) -> Result<Self, String> {
        match value {
            Value::Number(number) if number.fract() == 0.0 && (0.0..=f64::from(Self::MAX)).contains(number) => {
                Ok(*number as Self)
            }
            _ => Err("must be a whole number".to_owned()),
        }
    }
    fn give(&self) -> Value {
        Value::Number(f64::from(*self))
    }
}

impl FieldType for bool {
    fn take(value: &Value, _: &Self) -> Result<Self, String> {
        match value {
            Value::Flag(flag) => Ok(*flag),
            Value::Number(_) | Value::Numbers(_) => Err("must be true or false".to_owned()),
        }
    }
    fn give(&self) -> Value {
        Value::Flag(*self)
    }
}

impl<const N: usize> FieldType for [f64; N] {
    fn take(value: &Value, _: &Self) -> Result<Self, String> {
        match value {
            Value::Numbers(list) => Self::try_from(list.as_slice())
                .map_err(|_| format!("must be a list of {N} numbers, got {}", list.len())),
            Value::Number(_) | Value::Flag(_) => Err(format!("must be a list of {N} numbers")),
        }
    }
    fn give(&self) -> Value {
        Value::Numbers(self.to_vec())
    }
}

/// Whether every number of `value` lies in `[min, max]`; NaN never does.
pub fn check_range(value: &Value, min: f64, max: f64) -> Result<(), String> {
    let outside = |number: &f64| !(min..=max).contains(number);
    let bad = match value {
        Value::Number(number) => Some(*number).filter(outside),
        Value::Numbers(list) => list.iter().copied().find(outside),
        Value::Flag(_) => None,
    };
    bad.map_or(Ok(()), |number| Err(format!("must be between {min} and {max}, got {number}")))
}

/// Declares a settings struct.
///
/// ```
/// fusewire::settings! {
///     /// How a kettle behaves.
///     pub struct Kettle {
///         /// Temperature at which it switches off.
///         limit: f64 = 100.0, "degC", 20.0..=120.0;
///     }
/// }
/// use fusewire::settings::{Settings, Value};
/// let mut kettle = Kettle::default();
/// assert!(kettle.set("limit", &Value::Number(500.0)).unwrap_err().contains("between 20 and 120"));
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident : $ty:ty = $default:expr, $unit:literal, $min:literal ..= $max:literal ; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name { $( $(#[doc = $doc])+ pub $field: $ty, )+ }

        impl Default for $name {
            fn default() -> Self { Self { $( $field: $default, )+ } }
        }

        impl $crate::settings::Settings for $name {
            fn fields() -> Vec<$crate::settings::Field> {
                let default = Self::default();
                vec![ $( $crate::settings::Field {
                    name: stringify!($field),
                    doc: concat!($($doc),+),
                    unit: $unit,
                    min: f64::from($min),
                    max: f64::from($max),
                    default: $crate::settings::FieldType::give(&default.$field),
                }, )+ ]
            }

            fn set(&mut self, name: &str, value: &$crate::settings::Value) -> Result<(), String> {
                match name {
                    $( stringify!($field) => {
                        let taken = $crate::settings::FieldType::take(value, &self.$field)?;
                        $crate::settings::check_range(value, f64::from($min), f64::from($max))?;
                        self.$field = taken;
                    } )+
                    _ => return Err("is not known".to_owned()),
                }
                Ok(())
            }

            fn get(&self, name: &str) -> Option<$crate::settings::Value> {
                match name {
                    $( stringify!($field) => Some($crate::settings::FieldType::give(&self.$field)), )+
                    _ => None,
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::{Settings, Value};

    crate::settings! {
        /// A test.
        #[allow(unreachable_pub, reason = "the macro is for settings that others read")]
        pub struct Sample {
            /// A limit.
            limit: f64 = 5.0, "sigma", 1.0..=100.0;
            /// A count.
            window: u32 = 64, "", 2.0..=4096.0;
            /// A switch.
            on: bool = true, "", 0.0..=1.0;
            /// Several.
            horizons: [f64; 2] = [60.0, 300.0], "s", 1.0..=86400.0;
        }
    }

    #[test]
    fn every_fault_is_named_and_changes_nothing() {
        let mut sample = Sample::default();
        for (name, value, want) in [
            ("limit", Value::Number(f64::NAN), "between 1 and 100"),
            ("limit", Value::Flag(true), "must be a number"),
            ("window", Value::Number(2.5), "whole number"),
            ("horizons", Value::Numbers(vec![60.0]), "list of 2 numbers, got 1"),
            ("horizons", Value::Numbers(vec![60.0, 0.0]), "got 0"),
            ("nothing", Value::Number(1.0), "not known"),
        ] {
            let fault = sample.set(name, &value).expect_err(name);
            assert!(fault.contains(want), "{name}: {fault}");
        }
        assert_eq!(sample, Sample::default());
        sample.set("window", &Value::Number(128.0)).expect("in range");
        assert_eq!(sample.get("window"), Some(Value::Number(128.0)));
        assert_eq!(Sample::fields().len(), 4);
    }
}
