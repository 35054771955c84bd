//! Regions of a picture: one rectangle whose members come as JSON or as bracketed fields, or a list as JSON.

use serde_json::{Map, Value};
use sfumato_core::options::{Area, Polygon, Region};

use super::{InvalidField, number, plain_text, unknown_member};

const EDGES: [&str; 4] = ["left", "right", "top", "bottom"];

/// What has come of a field that holds regions.
#[derive(Clone, Debug)]
pub(super) struct RegionsForm {
    field: &'static str,
    rectangle: Edges,
    list: Option<Vec<Region>>,
}

/// The edges of a rectangle, in the order of [`EDGES`].
#[derive(Clone, Copy, Debug, Default)]
struct Edges([Option<f64>; 4]);

impl RegionsForm {
    pub(super) fn new(field: &'static str) -> Self {
        Self {
            field,
            rectangle: Edges::default(),
            list: None,
        }
    }

    /// Takes JSON text: the members of one rectangle, or a list, which replaces an earlier one.
    pub(super) fn push(&mut self, text: &str) -> Result<(), InvalidField> {
        let field = self.field;
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => members
                .iter()
                .filter_map(|(member, value)| Some((member, plain_text(value)?)))
                .try_for_each(|(member, text)| self.push_member(member, &text)),
            Ok(Value::Array(items)) => {
                self.list = Some(list(field, &items)?);
                Ok(())
            }
            _ => Err(InvalidField::new(
                field,
                format!(
                    "must be a JSON object, a JSON list of regions, or bracketed fields such as {field}[…]"
                ),
            )),
        }
    }

    /// Takes one edge of the rectangle.
    pub(super) fn push_member(&mut self, member: &str, text: &str) -> Result<(), InvalidField> {
        let Some(edge) = EDGES.iter().position(|name| *name == member) else {
            return Err(unknown_member(self.field, member, "left, right, top and bottom"));
        };
        self.rectangle.set(self.field, edge, text)
    }

    pub(super) fn finish(self) -> Result<Vec<Region>, InvalidField> {
        let field = self.field;
        match (self.rectangle.area(field)?, self.list) {
            (None, list) => Ok(list.unwrap_or_default()),
            (Some(area), None) => Ok(vec![area.into()]),
            (Some(_), Some(_)) => Err(InvalidField::new(
                field,
                "is a list of regions and a rectangle; put the rectangle into the list",
            )),
        }
    }
}

impl Edges {
    fn set(&mut self, path: &str, edge: usize, text: &str) -> Result<(), InvalidField> {
        let fraction = number(text).filter(|fraction| (0.0..=1.0).contains(fraction));
        let fraction = fraction.ok_or_else(|| {
            InvalidField::new(format!("{path}.{}", EDGES[edge]), "must be a number from 0 to 1")
        })?;
        self.0[edge] = Some(fraction);
        Ok(())
    }

    /// The rectangle, once it is whole; `None` where nothing was said.
    fn area(self, path: &str) -> Result<Option<Area>, InvalidField> {
        match self.0 {
            [None, None, None, None] => Ok(None),
            [Some(left), Some(right), Some(top), Some(bottom)] => Area::new(left, right, top, bottom)
                .map(Some)
                .map_err(|error| InvalidField::new(path.to_owned(), error.message)),
            edges => {
                let missing: Vec<&str> = (EDGES.into_iter().zip(edges))
                    .filter(|(_, edge)| edge.is_none())
                    .map(|(name, _)| name)
                    .collect();
                let missing = missing.join(", ");
                let message = format!("{missing} missing; an area has left, right, top and bottom");
                Err(InvalidField::new(path.to_owned(), message))
            }
        }
    }
}

/// Reads a list of regions. The corners of one polygon are taken for a list of that polygon: no list of regions looks like
/// them.
fn list(field: &'static str, items: &[Value]) -> Result<Vec<Region>, InvalidField> {
    if items.first().is_some_and(is_corner) {
        return Ok(vec![polygon(field, items)?.into()]);
    }
    if items.len() > Region::COUNT_MAX {
        let message = format!("has {} regions; {} are the most", items.len(), Region::COUNT_MAX);
        return Err(InvalidField::new(field, message));
    }
    let regions = items.iter().enumerate();
    regions
        .map(|(index, item)| region(&format!("{field}[{index}]"), item))
        .collect()
}

fn is_corner(item: &Value) -> bool {
    let is_inner = |value: &Value| value.is_array() || value.is_object();
    item.as_array()
        .and_then(|corner| corner.first())
        .is_some_and(|value| !is_inner(value))
}

fn region(path: &str, item: &Value) -> Result<Region, InvalidField> {
    match item {
        Value::Object(members) => Ok(rectangle(path, members)?.into()),
        Value::Array(corners) => Ok(polygon(path, corners)?.into()),
        _ => Err(InvalidField::new(
            path.to_owned(),
            "must be an object with left, right, top and bottom, or a list of corners [x, y]",
        )),
    }
}

fn rectangle(path: &str, members: &Map<String, Value>) -> Result<Area, InvalidField> {
    let mut edges = Edges::default();
    for (member, value) in members {
        let Some(edge) = EDGES.iter().position(|name| name == member) else {
            let error = unknown_member("", member, "left, right, top and bottom");
            return Err(InvalidField::new(path.to_owned(), error.message));
        };
        if let Some(text) = plain_text(value) {
            edges.set(path, edge, &text)?;
        }
    }
    edges.area(path)?.ok_or_else(|| {
        InvalidField::new(
            path.to_owned(),
            "is empty; an area has left, right, top and bottom",
        )
    })
}

fn polygon(path: &str, corners: &[Value]) -> Result<Polygon, InvalidField> {
    let coordinate = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => number(text.trim()),
        _ => None,
    };
    let corners = corners.iter().enumerate().map(|(index, corner)| {
        let pair = match corner.as_array().map(Vec::as_slice) {
            Some([x, y]) => coordinate(x).zip(coordinate(y)),
            _ => None,
        };
        pair.map(|(x, y)| [x, y]).ok_or_else(|| {
            InvalidField::new(
                format!("{path}[{index}]"),
                "must be a corner: two numbers [x, y] from 0 to 1",
            )
        })
    });
    Polygon::new(corners.collect::<Result<_, _>>()?)
        .map_err(|error| InvalidField::new(path.to_owned(), error.message))
}
