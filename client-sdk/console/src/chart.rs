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
    /// The largest values, up and down.
    pub(crate) most: (u64, u64),
    /// The first and the last label.
    pub(crate) ends: (String, String),
}

/// Width and height of the drawing.
pub(crate) const WIDTH: f64 = 720.0;
/// Height of the drawing. Its labels stand around it, so that they do not shrink with it.
pub(crate) const HEIGHT: f64 = 180.0;

/// Draws values as (label, up, down), in order. Both ways have one scale: the axis stands where both fit.
pub(crate) fn bars(
    values: &[(String, u64, u64)],
    title: impl Fn(&(String, u64, u64)) -> String,
) -> Bars {
    let most_up = values.iter().map(|(_, up, _)| *up).max().unwrap_or(0);
    let most_down = values.iter().map(|(_, _, down)| *down).max().unwrap_or(0);
    let count = number(u64::try_from(values.len()).unwrap_or(1).max(1));
    let step = WIDTH / count;
    let all = (number(most_up) + number(most_down)).max(1.0);
    let scale = |value: u64| number(value) / all * HEIGHT;
    let axis_y = round(scale(most_up));
    let bar = |(place, value): (usize, &(String, u64, u64))| {
        let up = round(scale(value.1));
        Bar {
            x: round(step * number(u64::try_from(place).unwrap_or_default()) + step * 0.1),
            width: round((step * 0.8).max(0.5)),
            up_y: round(axis_y - up),
            up,
            down: round(scale(value.2)),
            title: title(value),
        }
    };
    let label = |value: Option<&(String, u64, u64)>| value.map(|v| v.0.clone()).unwrap_or_default();
    Bars {
        bars: values.iter().enumerate().map(bar).collect(),
        axis_y,
        most: (most_up, most_down),
        ends: (label(values.first()), label(values.last())),
    }
}

/// Widths in per cent for rows of (good, bad): the longest row fills its place.
pub(crate) fn shares(rows: &[(u64, u64)]) -> Vec<(f64, f64)> {
    let all = |(good, bad): &(u64, u64)| number(*good) + number(*bad);
    let most = rows.iter().map(all).fold(1.0, f64::max);
    let share = |value: u64| round(number(value) / most * 100.0);
    rows.iter().map(|(good, bad)| (share(*good), share(*bad))).collect()
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
        assert_eq!((bars.most, bars.bars.len()), ((10, 10), 3));
        for bar in &bars.bars {
            assert!(bar.x >= 0.0 && bar.x + bar.width <= WIDTH);
            assert!(bar.up_y >= 0.0 && bars.axis_y + bar.down <= HEIGHT);
        }
        assert_eq!(super::bars(&[], |_| String::new()).most, (0, 0));
    }

    #[test]
    fn twice_as_many_are_twice_as_high_up_and_down() {
        for (up, down) in [(10, 10), (10, 1), (1, 10), (0, 4), (4, 0)] {
            let day = |share: u64| (String::new(), up * 60 / share, down * 60 / share);
            let drawn = bars(&[day(1), day(2), day(3)], |_| String::new());
            let bars = drawn.bars;
            for (number, share) in [(1, 2.0), (2, 3.0)] {
                for of in [|bar: &Bar| bar.up, |bar: &Bar| bar.down] {
                    let expected = of(&bars[0]) / share;
                    assert!((of(&bars[number]) - expected).abs() <= 0.1, "{up} {down} {share}");
                }
            }
            let (first, per) = (&bars[0], bars[0].up + bars[0].down);
            assert!((per - HEIGHT).abs() <= 0.2, "{per}");
            assert!(first.up_y.abs() <= 0.2 && (drawn.axis_y - first.up).abs() <= 0.2);
            assert_eq!((up == 0, down == 0), (first.up == 0.0, first.down == 0.0));
        }
    }

    #[test]
    fn shares_of_rows_are_drawn_side_by_side() {
        assert_eq!(shares(&[(0, 20), (30, 10), (0, 0)]), [(0.0, 50.0), (75.0, 25.0), (0.0, 0.0)]);
        assert!(shares(&[]).is_empty());
    }
}
