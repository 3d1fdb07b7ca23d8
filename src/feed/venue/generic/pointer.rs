//! JSON pointers (RFC 6901) as one tree, so that a frame is walked once however many of them there are.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::feed::venue::Reason;

/// The most steps of a pointer.
const STEPS_MAX: usize = 16;

/// A way into JSON, as `/data/0/price`. The empty one means the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// Reads a pointer; the error says what it should be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let steps = text.strip_prefix('/').ok_or("must begin with / as in \"/data/price\"")?;
        let steps: Vec<String> = steps.split('/').map(unescaped).collect::<Option<_>>().ok_or("must write ~ as ~0")?;
        if steps.len() > STEPS_MAX { Err("must have at most 16 steps") } else { Ok(Self(steps)) }
    }

    /// The names on the way; a place in a list is its number.
    pub fn steps(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

/// `~1` is `/`, `~0` is `~`, and nothing else may follow a `~`.
fn unescaped(step: &str) -> Option<String> {
    let is_sound = step.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    is_sound.then(|| step.replace("~1", "/").replace("~0", "~"))
}

/// Many pointers; each has a slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    root: Node,
    slots: usize,
}

#[derive(Clone, Debug, Default)]
struct Node {
    slot: Option<usize>,
    children: Vec<Child>,
}

#[derive(Clone, Debug)]
struct Child {
    name: String,
    /// The same as a place in a list, where it can be one.
    place: Option<usize>,
    node: Node,
}

/// What stands at each slot.
pub(super) type Found<'a> = Vec<Option<&'a RawValue>>;

impl Tree {
    /// The slot of a pointer; equal pointers share one.
    pub(super) fn slot(&mut self, pointer: &Pointer) -> usize {
        let node = pointer.0.iter().fold(&mut self.root, |node, step| node.child(step));
        let slot = *node.slot.get_or_insert(self.slots);
        self.slots = self.slots.max(slot + 1);
        slot
    }

    /// Reads the whole of `text` and says what stands at every slot; a pointer that leads nowhere gives nothing. Refused is
    /// what is no JSON, and a name on a way that stands there twice.
    pub(super) fn walk<'a>(&self, text: &'a str) -> Result<Found<'a>, Reason> {
        let mut found = vec![None; self.slots];
        let whole = serde_json::from_str(text).map_err(|fault| Reason::of_json(&fault))?;
        self.root.take(whole, &mut found)?;
        Ok(found)
    }
}

impl Node {
    fn child(&mut self, name: &str) -> &mut Self {
        let at = self.children.iter().position(|child| child.name == name).unwrap_or_else(|| {
            let place = name.parse().ok().filter(|place: &usize| place.to_string() == name);
            self.children.push(Child { name: name.to_owned(), place, node: Self::default() });
            self.children.len() - 1
        });
        #[allow(clippy::indexing_slicing, reason = "found or pushed just now")]
        &mut self.children[at].node
    }

    fn take<'a>(&self, raw: &'a RawValue, found: &mut Found<'a>) -> Result<(), Reason> {
        if let Some(place) = self.slot.and_then(|slot| found.get_mut(slot)) {
            *place = Some(raw);
        }
        if self.children.is_empty() || !raw.get().starts_with(['{', '[']) {
            return Ok(());
        }
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        let inside = Inside(self).deserialize(&mut reader).map_err(|fault| Reason::of_json(&fault))?;
        let reached = self.children.iter().zip(inside);
        reached.filter_map(|(child, raw)| Some((child, raw?))).try_for_each(|(child, raw)| child.node.take(raw, found))
    }
}

/// Reads an object or a list and keeps what stands at the children of a node.
struct Inside<'n>(&'n Node);

impl<'de> DeserializeSeed<'de> for Inside<'_> {
    type Value = Found<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inside<'_> {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = vec![None; self.0.children.len()];
        while let Some(child) = fields.next_key_seed(Name(self.0))? {
            let Some(place) = child.and_then(|child| found.get_mut(child)) else {
                fields.next_value::<IgnoredAny>()?;
                continue;
            };
            if place.replace(fields.next_value()?).is_some() {
                return Err(A::Error::custom("duplicate field"));
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let children = &self.0.children;
        let mut found = vec![None; children.len()];
        for at in 0_usize.. {
            let child = children.iter().position(|child| child.place == Some(at));
            let Some(place) = child.and_then(|child| found.get_mut(child)) else {
                if elements.next_element::<IgnoredAny>()?.is_none() {
                    break;
                }
                continue;
            };
            *place = elements.next_element()?;
            if place.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

/// Which child a name in an object is.
struct Name<'n>(&'n Node);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.children.iter().position(|child| child.name == name))
    }
}

/// The text of a JSON string, with its escapes undone; `None` for anything else.
pub(super) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(raw.get()).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(pointers: &[&str], text: &str) -> Result<Vec<Option<String>>, Reason> {
        let mut tree = Tree::default();
        let slots: Vec<_> = pointers.iter().map(|text| tree.slot(&Pointer::parse(text).expect(text))).collect();
        let found = tree.walk(text)?;
        Ok(slots.iter().map(|slot| found[*slot].map(|raw| raw.get().to_owned())).collect())
    }

    /// The examples of RFC 6901, section 5, and lists.
    #[test]
    fn pointers_lead_where_the_rfc_says() {
        let text =
            r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4," ":7,"m~n":8,"x":{"y":[[5,{"z":6}]]}}"#;
        for (pointer, want) in [
            ("/foo", Some(r#"["bar","baz"]"#)),
            ("/foo/0", Some("\"bar\"")),
            ("/foo/2", None),
            ("/foo/01", None),
            ("/foo/-", None),
            ("/", Some("0")),
            ("/a~1b", Some("1")),
            ("/c%d", Some("2")),
            ("/ ", Some("7")),
            ("/m~0n", Some("8")),
            ("/x/y/0/1/z", Some("6")),
            ("/x/y/z", None),
            ("/foo/0/x", None),
        ] {
            assert_eq!(walk(&[pointer], text), Ok(vec![want.map(str::to_owned)]), "{pointer}");
            assert_eq!(Pointer::parse(pointer).expect("a pointer").to_string(), pointer);
        }
        assert_eq!(walk(&[""], "[1]"), Ok(vec![Some("[1]".to_owned())]));
        assert_eq!(walk(&["/1", "/0", "/1"], r#"["a","b"]"#).expect("a list")[2].as_deref(), Some("\"b\""));
        assert_eq!(walk(&["/k"], r#"{"\u006b":1}"#), Ok(vec![Some("1".to_owned())]), "an escaped name");
        for bad in ["a", "a/b", "/~", "/~2", "/a~", &"/a".repeat(17)] {
            assert!(Pointer::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn damage_is_refused_wherever_it_is() {
        for (text, want) in [
            (r#"{"a":{"b":1,"b":2}}"#, Reason::DuplicateField),
            (r#"{"a":1,"a":{"b":2}}"#, Reason::DuplicateField),
            (r#"{"a":{"b":1}"#, Reason::BadJson),
            (r#"{"a":{"b":01}}"#, Reason::BadJson),
            (r#"{"a":{"b":1}} x"#, Reason::BadJson),
            (r#"{"c":[1,}"#, Reason::BadJson),
            ("", Reason::BadJson),
        ] {
            assert_eq!(walk(&["/a/b"], text), Err(want), "{text}");
        }
        assert_eq!(walk(&["/a/b"], r#"{"c":1,"c":2,"a":{"b":3,"x":0,"x":0}}"#), Ok(vec![Some("3".to_owned())]));
    }
}
