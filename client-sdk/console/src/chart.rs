//! Charts as SVG, drawn from numbers that also stand in a table. Sizes are attributes; colours come from the
//! stylesheet, so that both schemes and print look right.

/// One bar up and one bar down for a day.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) x: f64,
    pub(crate) width: f64,
    pub(crate) up_y: f64,
    pub(crate) up: f64,
    pub(crate) down: f64,
    pub(crate) title: String,
}

/// Bars around one axis.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    pub(crate) bars: Vec<Bar>,
    pub(crate) axis_y: f64,
    pub(crate) most: u64,
    /// The first and the last label.
    pub(crate) ends: (String, String),
}

/// Width and height of the drawing.
pub(crate) const WIDTH: f64 = 720.0;
const UP: f64 = 130.0;
const DOWN: f64 = 50.0;
/// Height of the drawing. Its labels stand around it, so that they do not shrink with it.
pub(crate) const HEIGHT: f64 = UP + DOWN;

/// Draws values as (label, up, down), in order.
pub(crate) fn bars(
    values: &[(String, u64, u64)],
    title: impl Fn(&(String, u64, u64)) -> String,
) -> Bars {
    let most = values.iter().map(|(_, up, down)| (*up).max(*down)).max().unwrap_or(0);
    let count = number(u64::try_from(values.len()).unwrap_or(1).max(1));
    let step = WIDTH / count;
    let scale = |value: u64, room: f64| number(value) / number(most.max(1)) * room;
    let bar = |(place, value): (usize, &(String, u64, u64))| {
        let up = scale(value.1, UP);
        Bar {
            x: round(step * number(u64::try_from(place).unwrap_or_default()) + step * 0.1),
            width: round((step * 0.8).max(0.5)),
            up_y: round(UP - up),
            up: round(up),
            // Refusals are few: they have the same scale, and are never drawn over the edge.
            down: round(scale(value.2, UP).min(DOWN)),
            title: title(value),
        }
    };
    let label = |value: Option<&(String, u64, u64)>| value.map(|v| v.0.clone()).unwrap_or_default();
    Bars {
        bars: values.iter().enumerate().map(bar).collect(),
        axis_y: UP,
        most,
        ends: (label(values.first()), label(values.last())),
    }
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A count as a drawing needs it; beyond 2^32 every bar is full anyway.
fn number(value: u64) -> f64 {
    u32::try_from(value).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_inside_their_drawing() {
        let values = [("a".to_owned(), 10, 0), ("b".to_owned(), 0, 10), ("c".to_owned(), 5, 1)];
        let bars = bars(&values, |value| value.0.clone());
        assert_eq!((bars.most, bars.bars.len()), (10, 3));
        for bar in &bars.bars {
            assert!(bar.x >= 0.0 && bar.x + bar.width <= WIDTH);
            assert!(bar.up_y >= 0.0 && bars.axis_y + bar.down <= HEIGHT);
        }
        assert_eq!(super::bars(&[], |_| String::new()).most, 0);
    }
}
