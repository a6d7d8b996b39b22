//! Scales, ticks and the frame around a plot.

use std::fmt::Write;

use maud::{Markup, html};

use crate::lab::units::plain;

/// Size of a plot's picture, in its own units; the page scales it.
pub const WIDTH: f64 = 480.0;
/// The same.
pub const HEIGHT: f64 = 270.0;
/// Room for the labels on the left and below, and a little on the other sides.
const LEFT: f64 = 58.0;
const BOTTOM: f64 = 40.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
/// About so many ticks on an axis.
const TICKS: f64 = 5.0;

/// Maps values to places on one axis.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
    logarithmic: bool,
}

impl Scale {
    /// A horizontal axis from 0 to `to`.
    pub fn x(to: f64) -> Self {
        Self { from: 0.0, to: positive(to), start: LEFT, end: WIDTH - RIGHT, logarithmic: false }
    }

    /// A vertical axis from 0 to `to`.
    pub fn y(to: f64) -> Self {
        Self { from: 0.0, to: positive(to), start: HEIGHT - BOTTOM, end: TOP, logarithmic: false }
    }

    /// A vertical axis whose decades are equally long; whole decades around both.
    pub fn y_logarithmic(from: f64, to: f64) -> Self {
        let from = 10_f64.powf(positive(from).log10().floor());
        let to = 10_f64.powf(positive(to).log10().ceil()).max(from * 10.0);
        Self { from, to, start: HEIGHT - BOTTOM, end: TOP, logarithmic: true }
    }

    /// Where a value is. What lies outside is at the edge.
    pub fn at(&self, value: f64) -> f64 {
        let part = if self.logarithmic {
            (value.max(self.from) / self.from).log10() / (self.to / self.from).log10()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        self.start + part.clamp(0.0, 1.0) * (self.end - self.start)
    }

    /// Where to put lines and numbers: round numbers, or decades.
    pub fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let decades = (self.to / self.from).log10().round() as i32;
            return (0..=decades).map(|decade| self.from * 10_f64.powi(decade)).collect();
        }
        let rough = (self.to - self.from) / TICKS;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|step| step * power).into_iter();
        let step = step.filter(|step| *step >= rough).fold(power * 10.0, f64::min);
        let count = ((self.to - self.from) / step + 1e-9).floor() as usize;
        (0..=count).map(|index| self.from + step * index as f64).collect()
    }
}

/// An axis needs a length.
fn positive(value: f64) -> f64 {
    if value.is_finite() && value > 0.0 { value } else { 1.0 }
}

/// Two axes and what they show.
#[derive(Clone, Copy, Debug)]
pub struct Plot {
    /// Horizontal.
    pub x: Scale,
    /// Vertical.
    pub y: Scale,
    /// What the horizontal axis shows, with its unit.
    pub x_label: &'static str,
    /// What the vertical axis shows, with its unit.
    pub y_label: &'static str,
    /// How its numbers are written.
    pub y_tick: fn(f64) -> String,
}

impl Plot {
    /// The picture with `body` in it, as a figure under `caption`. `points` is how much data is in
    /// it, for whoever checks the page.
    pub fn figure(&self, caption: &str, points: usize, body: &Markup) -> Markup {
        let Self { x, y, .. } = self;
        let (left, right) = (x.start, x.end);
        let (bottom, top) = (y.start, y.end);
        html! {
            figure.plot data-points=(points) {
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(caption) {
                    @for tick in y.ticks() {
                        line.grid x1=(left) x2=(right) y1=(place(y.at(tick))) y2=(place(y.at(tick))) {}
                        text.tick x=(left - 6.0) y=(place(y.at(tick) + 4.0)) text-anchor="end" {
                            ((self.y_tick)(tick))
                        }
                    }
                    @for tick in x.ticks() {
                        line.grid x1=(place(x.at(tick))) x2=(place(x.at(tick))) y1=(bottom) y2=(top) {}
                        text.tick x=(place(x.at(tick))) y=(bottom + 16.0) text-anchor="middle" {
                            (plain(tick))
                        }
                    }
                    text.label x=(right) y=(HEIGHT - 6.0) text-anchor="end" { (self.x_label) }
                    text.label x="6" y="13" { (self.y_label) }
                    (body)
                }
                figcaption { (caption) }
            }
        }
    }

    /// A line through these points, as SVG path data.
    pub fn line(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let mut data = String::new();
        for (x, y) in points {
            let letter = if data.is_empty() { 'M' } else { 'L' };
            let _ = write!(data, "{letter}{} {}", place(self.x.at(x)), place(self.y.at(y)));
        }
        data
    }
}

/// A place, to a tenth: finer is not seen.
pub fn place(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
#[path = "axis_tests.rs"]
mod tests;
