//! Whether one order may pass: permission, order and exposure in, verdict out. Pure: no clock, no file.
//!
//! | intent | what it must do | bound by |
//! |---|---|---|
//! | `Open` | anything | stance up to Caution, sides, size factor, maximum notional, collar |
//! | `Reduce` | reduce | stance up to `ReduceOnly`, collar |
//! | `Exit` | reduce | nothing else |
//! | `Cancel` | nothing | nothing |
//!
//! A mark is a promise: what is marked `Reduce` or `Exit` has to reduce under *every* stance, as a venue's own
//! reduce-only order does. So no bound of Caution can be dodged by a wrong mark, and an engine that keeps its
//! exposure badly finds out on a quiet day.

use super::{Permission, Stance};

/// Two quantities this close, relative to the position, are equal: they are decimals that `f64` has rounded
/// (0.1 + 0.2 against 0.3), and no venue trades a part in 10^12.
const DUST: f64 = 1e-12;

/// What an order is for, as the trading engine marks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Intent {
    /// New risk.
    Open = 0,
    /// Less risk, in the ordinary way.
    Reduce = 1,
    /// Less risk, as an emergency.
    Exit = 2,
    /// An order leaves the book.
    Cancel = 3,
}

/// The side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Side {
    /// Adds to the position.
    Buy = 0,
    /// Takes from the position.
    Sell = 1,
}

/// An order that the trading engine is about to send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// What it is for.
    pub intent: Intent,
    /// Buy or sell.
    pub side: Side,
    /// Quantity in the venue's unit; finite and above zero.
    pub qty: f64,
    /// Limit price in quote currency, finite and above zero; `None` for a market order.
    pub price: Option<f64>,
}

impl Order {
    /// An order with a limit price.
    pub const fn limit(intent: Intent, side: Side, qty: f64, price: f64) -> Self {
        Self { intent, side, qty, price: Some(price) }
    }

    /// An order at any price.
    pub const fn market(intent: Intent, side: Side, qty: f64) -> Self {
        Self { intent, side, qty, price: None }
    }

    /// A cancel; the side says nothing.
    pub const fn cancel() -> Self {
        Self { intent: Intent::Cancel, side: Side::Buy, qty: 0.0, price: None }
    }

    /// Whether quantity and price are finite and above zero.
    #[inline]
    pub fn is_sound(&self) -> bool {
        is_positive(self.qty) && self.price.is_none_or(is_positive)
    }
}

/// What the trading engine holds and has in the book, in one market and in the venue's unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exposure {
    /// Position: above zero long, below zero short.
    pub position: f64,
    /// Sum of what is left of working buy orders, 0 or more.
    pub working_buy: f64,
    /// Sum of what is left of working sell orders, 0 or more.
    pub working_sell: f64,
}

impl Exposure {
    /// No position and nothing in the book.
    pub const FLAT: Self = Self { position: 0.0, working_buy: 0.0, working_sell: 0.0 };

    /// How much more may go to `side` so that the position cannot pass zero even if every working order of that
    /// side fills and none of the other side does. 0 where that side grows the position.
    pub fn room(&self, side: Side) -> f64 {
        let (held, queued) = self.held_and_queued(side);
        let room = held - queued;
        if room > held * DUST { room } else { 0.0 }
    }

    /// What `side` would take from, and what of it is spoken for.
    const fn held_and_queued(&self, side: Side) -> (f64, f64) {
        match side {
            Side::Buy => (-self.position, self.working_buy),
            Side::Sell => (self.position, self.working_sell),
        }
    }

    fn is_sound(&self) -> bool {
        let is_size = |qty: f64| (0.0..f64::INFINITY).contains(&qty);
        self.position.abs() < f64::INFINITY && is_size(self.working_buy) && is_size(self.working_sell)
    }
}

/// What a quantity is worth: notional = qty x (`flat` + `per_price` x price), in quote currency. Two numbers instead
/// of two cases, so that a C or Python reader of the gate needs no tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contract {
    /// Quote currency a unit, whatever the price: the size of an inverse contract, else 0.
    pub flat: f64,
    /// Coins a unit: the size of a linear contract (1 for spot), else 0.
    pub per_price: f64,
}

impl Contract {
    /// One unit is one coin.
    pub const COIN: Self = Self { flat: 0.0, per_price: 1.0 };

    /// Whether both numbers are finite and not negative, and one of them is above zero.
    pub fn is_sound(&self) -> bool {
        let is_size = |size: f64| (0.0..f64::INFINITY).contains(&size);
        is_size(self.flat) && is_size(self.per_price) && (self.flat > 0.0 || self.per_price > 0.0)
    }

    /// Notional of one unit; `None` where that takes a price and there is none.
    fn of_one_unit(&self, price: Option<f64>) -> Option<f64> {
        if self.per_price > 0.0 { price.map(|price| self.flat + self.per_price * price) } else { Some(self.flat) }
    }
}

#[cfg(feature = "daemon")]
impl From<crate::market::ContractSize> for Contract {
    fn from(size: crate::market::ContractSize) -> Self {
        match size {
            crate::market::ContractSize::Base(coins) => Self { flat: 0.0, per_price: coins },
            crate::market::ContractSize::Quote(money) => Self { flat: money, per_price: 0.0 },
        }
    }
}

/// Why an order may not pass. The numbers are the codes of the C and Python readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Denial {
    /// The stance does not pass this intent.
    Stance = 1,
    /// This side may not open.
    Side = 2,
    /// The size factor leaves nothing.
    Size = 3,
    /// The maximum notional leaves nothing, or binds a market order whose notional nobody knows.
    Notional = 4,
    /// The price is outside the collar, or the collar binds a market order.
    Collar = 5,
    /// Marked as reducing, yet position plus working orders would grow or flip.
    WouldGrow = 6,
    /// Quantity or price is NaN, infinite, zero or negative.
    BadOrder = 7,
    /// Position or working orders are NaN, infinite or of a wrong sign.
    BadExposure = 8,
    /// The lease ran out: nobody watches. Or there is no gate that can be trusted.
    Expired = 9,
    /// The gate does not list this market, or has no such slot.
    UnknownMarket = 10,
    /// The cell is torn or damaged.
    Doubt = 11,
}

impl Denial {
    /// Every reason, in the order of the codes.
    pub const ALL: [Self; 11] = [
        Self::Stance,
        Self::Side,
        Self::Size,
        Self::Notional,
        Self::Collar,
        Self::WouldGrow,
        Self::BadOrder,
        Self::BadExposure,
        Self::Expired,
        Self::UnknownMarket,
        Self::Doubt,
    ];

    /// The reason as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stance => "stance",
            Self::Side => "side",
            Self::Size => "size",
            Self::Notional => "notional",
            Self::Collar => "collar",
            Self::WouldGrow => "would_grow",
            Self::BadOrder => "bad_order",
            Self::BadExposure => "bad_exposure",
            Self::Expired => "expired",
            Self::UnknownMarket => "unknown_market",
            Self::Doubt => "doubt",
        }
    }
}

/// What to do with an order. Final: send it, send at most `max_qty` of it, or do not send it. Asking again with the
/// reduced quantity would apply the size factor twice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Send it.
    Allow,
    /// Send at most this much of it, rounded down to the lot.
    Reduce {
        /// In the venue's unit, above zero and below the quantity asked for.
        max_qty: f64,
    },
    /// Do not send it.
    Deny(Denial),
}

impl Verdict {
    /// How much of `asked` may be sent.
    pub const fn qty(&self, asked: f64) -> f64 {
        match *self {
            Self::Allow => asked,
            Self::Reduce { max_qty } => max_qty,
            Self::Deny(_) => 0.0,
        }
    }
}

impl Permission {
    /// Judges one order. Stricter permissions never pass more: that is a law, and a property test.
    ///
    /// The maximum notional is compared at the order's own limit price, so it binds opening orders only where the
    /// price is known: a market order of a linear contract is denied while a maximum or a collar binds.
    #[inline]
    pub fn check(&self, order: &Order, exposure: &Exposure, contract: &Contract) -> Verdict {
        if order.intent == Intent::Cancel {
            return Verdict::Allow;
        }
        if !order.is_sound() {
            return Verdict::Deny(Denial::BadOrder);
        }
        match (order.intent, self.stance()) {
            (Intent::Open, Stance::Normal | Stance::Caution) => self.check_opening(order, contract),
            (Intent::Reduce, Stance::Normal | Stance::Caution | Stance::ReduceOnly) => {
                if self.collar_holds(order.price) {
                    check_reducing(order, exposure)
                } else {
                    Verdict::Deny(Denial::Collar)
                }
            }
            (Intent::Exit, _) => check_reducing(order, exposure),
            _ => Verdict::Deny(Denial::Stance),
        }
    }

    #[inline]
    fn check_opening(&self, order: &Order, contract: &Contract) -> Verdict {
        if !self.opens(order.side) {
            return Verdict::Deny(Denial::Side);
        }
        if !self.collar_holds(order.price) {
            return Verdict::Deny(Denial::Collar);
        }
        let sized = order.qty * self.size_factor();
        if sized <= 0.0 {
            return Verdict::Deny(Denial::Size);
        }
        match self.within_notional(sized, order.price, contract) {
            Some(passed) if passed >= order.qty => Verdict::Allow,
            Some(passed) if passed > 0.0 => Verdict::Reduce { max_qty: passed },
            _ => Verdict::Deny(Denial::Notional),
        }
    }

    /// Whether nothing binds a sound opening order of `side`: [`Self::check`] says `Allow` to every one.
    #[inline]
    pub fn opens_freely(&self, side: Side) -> bool {
        self.stance() <= Stance::Caution
            && self.opens(side)
            && self.size_factor() >= 1.0
            && self.max_notional() >= f64::INFINITY
            && self.collar_holds(None)
    }

    const fn opens(&self, side: Side) -> bool {
        match side {
            Side::Buy => self.sides().buy,
            Side::Sell => self.sides().sell,
        }
    }

    /// Inside the collar, bounds included. A market order has any price, so it is inside only where there is no collar.
    fn collar_holds(&self, price: Option<f64>) -> bool {
        match price {
            Some(price) => self.collar_low() <= price && price <= self.collar_high(),
            None => self.collar_low() <= 0.0 && self.collar_high() >= f64::INFINITY,
        }
    }

    /// As much of `qty` as the maximum notional passes; `None` where the notional cannot be known.
    fn within_notional(&self, qty: f64, price: Option<f64>, contract: &Contract) -> Option<f64> {
        let max = self.max_notional();
        if max >= f64::INFINITY {
            return Some(qty);
        }
        let unit = contract.of_one_unit(price)?;
        Some(if qty * unit <= max { qty } else { qty.min(max / unit) })
    }
}

/// Passes as much of the order as reduces.
#[inline]
fn check_reducing(order: &Order, exposure: &Exposure) -> Verdict {
    if !exposure.is_sound() {
        return Verdict::Deny(Denial::BadExposure);
    }
    let room = exposure.room(order.side);
    if room <= 0.0 {
        Verdict::Deny(Denial::WouldGrow)
    } else if order.qty <= room + exposure.position.abs() * DUST {
        Verdict::Allow
    } else {
        Verdict::Reduce { max_qty: room }
    }
}

#[inline]
fn is_positive(value: f64) -> bool {
    // The bits of positive finite numbers are those from 1 to just below infinity's.
    value.to_bits().wrapping_sub(1) < f64::INFINITY.to_bits() - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::Sides;

    const LONG: Exposure = Exposure { position: 10.0, working_buy: 0.0, working_sell: 4.0 };

    fn ask(permission: Permission, order: Order) -> Verdict {
        permission.check(&order, &LONG, &Contract::COIN)
    }

    #[test]
    fn each_stance_passes_what_the_desk_said() {
        use Intent::{Cancel, Exit, Open, Reduce};
        for (stance, passing) in [
            (Stance::Normal, &[Open, Reduce, Exit, Cancel][..]),
            (Stance::Caution, &[Open, Reduce, Exit, Cancel]),
            (Stance::ReduceOnly, &[Reduce, Exit, Cancel]),
            (Stance::Halt, &[Exit, Cancel]),
        ] {
            for intent in [Open, Reduce, Exit, Cancel] {
                let want = if passing.contains(&intent) { Verdict::Allow } else { Verdict::Deny(Denial::Stance) };
                assert_eq!(
                    ask(Permission::of(stance), Order::limit(intent, Side::Sell, 6.0, 5.0)),
                    want,
                    "{stance:?} {intent:?}"
                );
            }
        }
    }

    #[test]
    fn an_oversize_reduction_is_cut_to_what_no_working_order_has_claimed() {
        for intent in [Intent::Reduce, Intent::Exit] {
            assert_eq!(
                ask(Permission::of(Stance::ReduceOnly), Order::market(intent, Side::Sell, 7.0)),
                Verdict::Reduce { max_qty: 6.0 }
            );
            assert_eq!(ask(Permission::FREE, Order::market(intent, Side::Buy, 1.0)), Verdict::Deny(Denial::WouldGrow));
        }
    }

    #[test]
    fn thirds_of_a_position_can_all_leave() {
        let exposure = Exposure { position: 0.3, working_sell: 0.1 + 0.1, ..Exposure::FLAT };
        let order = Order::market(Intent::Exit, Side::Sell, 0.1);
        assert_eq!(Permission::HALT.check(&order, &exposure, &Contract::COIN), Verdict::Allow);
        let all_working = Exposure { working_sell: 0.1 + 0.1 + 0.1, ..exposure };
        assert_eq!(Permission::HALT.check(&order, &all_working, &Contract::COIN), Verdict::Deny(Denial::WouldGrow));
    }

    #[test]
    fn caution_binds_side_size_notional_and_collar() {
        let caution = Permission::of(Stance::Caution);
        let buy = Order::limit(Intent::Open, Side::Buy, 8.0, 100.0);
        let at_market = Order::market(Intent::Open, Side::Buy, 8.0);
        for (permission, order, want) in [
            (caution.with_sides(Sides::SELL), buy, Verdict::Deny(Denial::Side)),
            (caution.with_size_factor(0.5), buy, Verdict::Reduce { max_qty: 4.0 }),
            (caution.with_size_factor(0.0), buy, Verdict::Deny(Denial::Size)),
            (caution.with_max_notional(800.0), buy, Verdict::Allow),
            (caution.with_max_notional(200.0), buy, Verdict::Reduce { max_qty: 2.0 }),
            (caution.with_max_notional(200.0).with_size_factor(0.125), buy, Verdict::Reduce { max_qty: 1.0 }),
            (caution.with_max_notional(0.0), buy, Verdict::Deny(Denial::Notional)),
            (caution.with_max_notional(200.0), at_market, Verdict::Deny(Denial::Notional)),
            (caution.with_collar(100.0, 100.0), buy, Verdict::Allow),
            (caution.with_collar(100.5, 110.0), buy, Verdict::Deny(Denial::Collar)),
            (caution.with_collar(90.0, 99.5), buy, Verdict::Deny(Denial::Collar)),
            (caution.with_collar(90.0, f64::INFINITY), at_market, Verdict::Deny(Denial::Collar)),
            (caution, at_market, Verdict::Allow),
        ] {
            assert_eq!(ask(permission, order), want, "{permission:?} {order:?}");
        }
    }

    #[test]
    fn the_collar_binds_a_reduction_and_never_an_exit_or_a_cancel() {
        let closed = Permission::FREE.with_collar(f64::NAN, f64::NAN).with_max_notional(0.0).with_sides(Sides::NONE);
        let order = |intent| Order::limit(intent, Side::Sell, 1.0, 5.0);
        assert_eq!(ask(closed, order(Intent::Reduce)), Verdict::Deny(Denial::Collar));
        assert_eq!(ask(closed, order(Intent::Exit)), Verdict::Allow);
        assert_eq!(ask(closed, order(Intent::Cancel)), Verdict::Allow);
    }

    #[test]
    fn an_inverse_contract_needs_no_price_for_its_notional() {
        let inverse = Contract { flat: 10.0, per_price: 0.0 };
        let order = Order::market(Intent::Open, Side::Buy, 8.0);
        let verdict = Permission::FREE.with_max_notional(50.0).check(&order, &Exposure::FLAT, &inverse);
        assert_eq!(verdict, Verdict::Reduce { max_qty: 5.0 });
    }

    #[test]
    fn nonsense_is_denied_and_a_cancel_passes_all_the_same() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -1.0] {
            for intent in [Intent::Open, Intent::Reduce, Intent::Exit] {
                assert_eq!(
                    ask(Permission::FREE, Order::market(intent, Side::Sell, bad)),
                    Verdict::Deny(Denial::BadOrder)
                );
                assert_eq!(
                    ask(Permission::FREE, Order::limit(intent, Side::Sell, 1.0, bad)),
                    Verdict::Deny(Denial::BadOrder)
                );
            }
            assert_eq!(ask(Permission::HALT, Order::limit(Intent::Cancel, Side::Sell, bad, bad)), Verdict::Allow);
        }
        let exit = Order::market(Intent::Exit, Side::Sell, 1.0);
        for exposure in [
            Exposure { position: f64::NAN, ..LONG },
            Exposure { position: f64::INFINITY, ..LONG },
            Exposure { working_sell: -1.0, ..LONG },
            Exposure { working_buy: f64::NAN, ..LONG },
        ] {
            let verdict = Permission::FREE.check(&exit, &exposure, &Contract::COIN);
            assert_eq!(verdict, Verdict::Deny(Denial::BadExposure), "{exposure:?}");
        }
    }

    #[test]
    fn denials_stand_in_the_order_of_their_codes() {
        for (place, denial) in Denial::ALL.iter().enumerate() {
            assert_eq!(*denial as usize, place + 1);
        }
    }
}
