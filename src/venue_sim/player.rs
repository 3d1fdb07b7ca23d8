//! Plays a recording by the clock.

use super::hall::Hall;
use crate::event::Nanos;
use crate::feed::clock::Clock;

/// Frames said in a row before clients get their turn.
const TURN: u32 = 64;

/// Says each frame when its time has come; then stays, so that clients are kept until the venue is closed.
pub(super) async fn play(frames: impl Iterator<Item = (Nanos, String)>, hall: &Hall, clock: &dyn Clock) {
    let mut turn = 0;
    for (at, frame) in frames {
        loop {
            let nap = clock.wait(at);
            if nap.is_zero() {
                break;
            }
            turn = 0;
            tokio::time::sleep(nap).await;
        }
        hall.say(at, &frame);
        turn += 1;
        if turn == TURN {
            turn = 0;
            tokio::task::yield_now().await;
        }
    }
    hall.finish();
    std::future::pending::<()>().await;
}
