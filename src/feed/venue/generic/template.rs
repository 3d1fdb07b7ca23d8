//! Text with holes: `{"op":"subscribe","id":{id},"args":[{streams}]}`. Braces that are no hole are JSON's own.

/// What is put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// The number of a request, from 1.
    Id,
    /// One stream, as its message says it.
    Stream,
    /// Streams, with commas between.
    Streams,
    /// One market, bare.
    Market,
    /// One market in small letters, bare.
    MarketLower,
    /// Markets in quotes, with commas between.
    Markets,
}

impl Hole {
    /// Its word between braces.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Stream => "stream",
            Self::Streams => "streams",
            Self::Market => "market",
            Self::MarketLower => "market_lower",
            Self::Markets => "markets",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Hole(Hole),
}

/// A text with holes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

impl Template {
    /// Reads a text whose holes are among `known`; the error names one that is not.
    pub fn parse(text: &str, known: &[Hole]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, word, after)) = next_word(rest) {
            let Some(hole) = known.iter().find(|hole| hole.word() == word) else {
                let words: Vec<_> = known.iter().map(|hole| format!("{{{}}}", hole.word())).collect();
                return Err(format!("takes no {{{word}}}, only {}", words.join(", ")));
            };
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Hole(*hole));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// Whether it has such a hole.
    pub fn has(&self, hole: Hole) -> bool {
        self.0.contains(&Piece::Hole(hole))
    }

    /// Whether it speaks of one market.
    pub fn has_market(&self) -> bool {
        self.has(Hole::Market) || self.has(Hole::MarketLower)
    }

    /// The text with every hole filled.
    pub fn fill(&self, mut say: impl FnMut(Hole) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Hole(hole) => say(*hole),
        };
        self.0.iter().map(piece).collect()
    }

    /// The text for a market; other holes stay empty.
    pub fn of_market(&self, native: &str) -> String {
        self.fill(|hole| match hole {
            Hole::Market => native.to_owned(),
            Hole::MarketLower => native.to_lowercase(),
            _ => String::new(),
        })
    }
}

/// The first `{word}` of letters and underscores, with what stands before and behind it. JSON has no such thing.
fn next_word(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices('{').find_map(|(at, _)| {
        let (before, from) = (text.get(..at)?, text.get(at + 1..)?);
        let (word, after) = from.split_once('}')?;
        let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_word.then_some((before, word, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_braces_of_json_stay() {
        let known = [Hole::Id, Hole::Streams];
        let template = Template::parse(r#"{"op":{"id":{id}},"args":[{streams}],"x":{}}"#, &known).expect("a template");
        let filled = template.fill(|hole| if hole == Hole::Id { "7".to_owned() } else { "1,2".to_owned() });
        assert_eq!(filled, r#"{"op":{"id":7},"args":[1,2],"x":{}}"#);
        assert!(template.has(Hole::Id) && !template.has_market());
        let fault = Template::parse("[{markest}]", &known).expect_err("a slip");
        assert_eq!(fault, "takes no {markest}, only {id}, {streams}");
        let path = Template::parse("/ws/{market_lower}@trade", &[Hole::MarketLower]).expect("a template");
        assert_eq!(path.of_market("BTC-USD"), "/ws/btc-usd@trade");
    }
}
