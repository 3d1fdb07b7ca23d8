//! The laws of an order: stricter never passes more, and no sequence of reducing orders grows or flips a position.

use fusewire::breaker::{Contract, Denial, Exposure, Intent, Order, Permission, Side, Sides, Stance, Verdict};
use fusewire::gate::{Listing, Reader, ReaderOptions, Spec, Writer};
use proptest::prelude::*;

fn any_stance() -> impl Strategy<Value = Stance> {
    prop::sample::select(Stance::ALL.to_vec())
}

fn any_permission() -> impl Strategy<Value = Permission> {
    let factor = prop_oneof![Just(1.0), Just(0.0), 0.0..1.0];
    let bound = prop_oneof![Just(f64::INFINITY), Just(0.0), 0.0..10_000.0];
    let low = prop_oneof![Just(0.0), 0.0..120.0];
    let high = prop_oneof![Just(f64::INFINITY), 80.0..200.0];
    (any_stance(), any::<bool>(), any::<bool>(), factor, bound, low, high).prop_map(
        |(stance, buy, sell, factor, max, low, high)| {
            Permission::of(stance)
                .with_sides(Sides { buy, sell })
                .with_size_factor(factor)
                .with_max_notional(max)
                .with_collar(low, high)
        },
    )
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => 0.001..200.0,
        1 => prop::sample::select(vec![0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, f64::MAX]),
    ]
}

fn any_side() -> impl Strategy<Value = Side> {
    prop::sample::select(vec![Side::Buy, Side::Sell])
}

fn any_order() -> impl Strategy<Value = Order> {
    let intent = prop::sample::select(vec![Intent::Open, Intent::Reduce, Intent::Exit, Intent::Cancel]);
    (intent, any_side(), any_number(), prop::option::of(any_number())).prop_map(|(intent, side, qty, price)| Order {
        intent,
        side,
        qty,
        price,
    })
}

fn any_exposure() -> impl Strategy<Value = Exposure> {
    (-50.0..50.0, prop_oneof![Just(0.0), 0.0..50.0], prop_oneof![Just(0.0), 0.0..50.0])
        .prop_map(|(position, working_buy, working_sell)| Exposure { position, working_buy, working_sell })
}

fn any_contract() -> impl Strategy<Value = Contract> {
    prop_oneof![Just(Contract::COIN), Just(Contract { flat: 10.0, per_price: 0.0 })]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stricter_never_passes_more(
        one in any_permission(),
        other in any_permission(),
        order in any_order(),
        exposure in any_exposure(),
        contract in any_contract(),
    ) {
        let passed = |permission: Permission| permission.check(&order, &exposure, &contract).qty(order.qty);
        let (loose, strict) = (passed(one), passed(one.meet(other)));
        // A cancel of nonsense passes its nonsense under both.
        let is_not_more = strict <= loose * (1.0 + 1e-12) || strict.to_bits() == loose.to_bits();
        prop_assert!(is_not_more, "{one:?} passes {loose}, with {other:?} {strict}");
    }

    #[test]
    fn a_reduced_quantity_is_above_zero_and_below_what_was_asked(
        permission in any_permission(),
        order in any_order(),
        exposure in any_exposure(),
        contract in any_contract(),
    ) {
        if let Verdict::Reduce { max_qty } = permission.check(&order, &exposure, &contract) {
            prop_assert!(0.0 < max_qty && max_qty < order.qty, "{max_qty} of {}", order.qty);
        }
    }

    #[test]
    fn cancels_always_pass_and_exits_do_whenever_they_reduce(
        permission in any_permission(),
        side in any_side(),
        qty in 0.001..100.0,
        exposure in any_exposure(),
    ) {
        let ask = |order| permission.check(&order, &exposure, &Contract::COIN);
        prop_assert_eq!(ask(Order::cancel()), Verdict::Allow);
        let want = match exposure.room(side) {
            room if room <= 0.0 => Verdict::Deny(Denial::WouldGrow),
            room if qty <= room => Verdict::Allow,
            room => Verdict::Reduce { max_qty: room },
        };
        prop_assert_eq!(ask(Order::market(Intent::Exit, side, qty)), want);
    }
}

const NOW: u64 = 1_000_000_000_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_gate_judges_as_the_meet_of_its_cells_does(
        all in prop_oneof![Just(Permission::FREE), any_permission()],
        own in prop_oneof![Just(Permission::FREE), any_permission()],
        orders in prop::collection::vec(any_order(), 32),
        exposure in any_exposure(),
        contract in any_contract(),
    ) {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("gate");
        let mut writer = Writer::create(&path, &Spec::gate(vec![Listing::new("a:X", contract)])).unwrap();
        writer.publish(0, 0, &all, 0, 0).unwrap();
        writer.publish(0, 3, &own, 0, 0).unwrap();
        writer.renew(1, NOW);
        let reader = Reader::attach(ReaderOptions::at(&path));
        for order in orders {
            for (slot, permission) in [(0, all), (3, all.meet(own))] {
                let verdict = reader.check_at(NOW + 1, reader.place("a:X"), slot, &order, &exposure);
                prop_assert_eq!(verdict, permission.check(&order, &exposure, &contract), "{:?} {:?}", permission, order);
            }
        }
    }
}

/// A book in whole lots, beside the same book in the sums of decimals that an engine would keep.
#[derive(Clone, Copy, Debug)]
struct Book {
    lot: f64,
    position: i64,
    buys: i64,
    sells: i64,
    kept: Exposure,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask { intent: Intent, side: Side, lots: i64 },
    Fill { side: Side, lots: i64 },
    Withdraw { side: Side, lots: i64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    let intent = prop::sample::select(vec![Intent::Open, Intent::Reduce, Intent::Exit]);
    prop_oneof![
        3 => (intent, any_side(), 1..40_i64).prop_map(|(intent, side, lots)| Step::Ask { intent, side, lots }),
        2 => (any_side(), 1..20_i64).prop_map(|(side, lots)| Step::Fill { side, lots }),
        1 => (any_side(), 1..20_i64).prop_map(|(side, lots)| Step::Withdraw { side, lots }),
    ]
}

impl Book {
    fn new(lot: f64, position: i64, buys: i64, sells: i64) -> Self {
        let size = |lots: i64| lots as f64 * lot;
        let kept = Exposure { position: size(position), working_buy: size(buys), working_sell: size(sells) };
        Self { lot, position, buys, sells, kept }
    }

    /// Where the position could end up: the lowest and the highest.
    fn reach(&self) -> (i64, i64) {
        (self.position - self.sells, self.position + self.buys)
    }

    fn work(&mut self, side: Side, lots: i64) {
        let (whole, kept) = match side {
            Side::Buy => (&mut self.buys, &mut self.kept.working_buy),
            Side::Sell => (&mut self.sells, &mut self.kept.working_sell),
        };
        *whole += lots;
        *kept = (*kept + lots as f64 * self.lot).max(0.0);
    }

    fn working(&self, side: Side) -> i64 {
        if side == Side::Buy { self.buys } else { self.sells }
    }

    fn take(&mut self, permission: Permission, step: Step) {
        match step {
            Step::Ask { intent, side, lots } => {
                let qty = lots as f64 * self.lot;
                let verdict = permission.check(&Order::market(intent, side, qty), &self.kept, &Contract::COIN);
                let passed = (verdict.qty(qty) / self.lot + 1e-6).floor() as i64;
                self.work(side, passed);
            }
            Step::Fill { side, lots } => {
                let lots = lots.min(self.working(side));
                self.work(side, -lots);
                let signed = if side == Side::Buy { lots } else { -lots };
                self.position += signed;
                self.kept.position += signed as f64 * self.lot;
            }
            Step::Withdraw { side, lots } => self.work(side, -lots.min(self.working(side))),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_reducing_orders_grows_or_flips_the_position(
        stance in prop::sample::select(vec![Stance::ReduceOnly, Stance::Halt]),
        lot in prop::sample::select(vec![1.0, 0.1, 0.001, 1e-8, 250.0]),
        start in -60..60_i64,
        steps in prop::collection::vec(any_step(), 1..80),
    ) {
        let mut book = Book::new(lot, start, 0, 0);
        let mut held = start;
        for step in steps {
            book.take(Permission::of(stance), step);
            let (low, high) = book.reach();
            for end in [low, high] {
                prop_assert!(end == 0 || end.signum() == start.signum(), "flips: {step:?} {book:?}");
                prop_assert!(end.abs() <= held.abs(), "grows: {step:?} {book:?}");
            }
            held = book.position;
        }
    }

    #[test]
    fn orders_left_over_from_better_days_reach_no_further_than_before(
        stance in prop::sample::select(vec![Stance::ReduceOnly, Stance::Halt]),
        lot in prop::sample::select(vec![1.0, 0.1, 0.001]),
        start in -60..60_i64,
        buys in 0..60_i64,
        sells in 0..60_i64,
        steps in prop::collection::vec(any_step(), 1..80),
    ) {
        let mut book = Book::new(lot, start, buys, sells);
        let (lowest, highest) = (book.reach().0.min(0), book.reach().1.max(0));
        for step in steps {
            book.take(Permission::of(stance), step);
            let (low, high) = book.reach();
            prop_assert!(lowest <= low && high <= highest, "{step:?} {book:?}, was {lowest}..{highest}");
        }
    }
}
