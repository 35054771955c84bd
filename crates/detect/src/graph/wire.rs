//! Just enough of the protobuf wire format to rewrite a message and leave every field that is not understood as it is.
//! <https://protobuf.dev/programming-guides/encoding/>

use super::GraphError;

/// A field's value; groups are not used by ONNX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A number or an enum.
    Varint(u64),
    /// A string, bytes, a message or packed numbers.
    Bytes(&'a [u8]),
    /// A number of 4 or 8 bytes.
    Fixed,
}

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    /// Its number in the message's definition.
    pub(super) number: u64,
    /// What it holds.
    pub(super) value: Value<'a>,
    /// The field as it was encoded, tag included.
    pub(super) raw: &'a [u8],
}

/// The fields of a message, in their order.
pub(super) fn fields(message: &[u8]) -> Result<Vec<Field<'_>>, GraphError> {
    let mut rest = message;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let start = rest;
        let tag = take_varint(&mut rest)?;
        let value = match tag & 7 {
            0 => Value::Varint(take_varint(&mut rest)?),
            1 => take(&mut rest, 8).map(|_| Value::Fixed)?,
            2 => {
                let length = take_varint(&mut rest)?;
                let length = usize::try_from(length).map_err(|_| GraphError::Truncated)?;
                Value::Bytes(take(&mut rest, length)?)
            }
            5 => take(&mut rest, 4).map(|_| Value::Fixed)?,
            _ => return Err(GraphError::WireType),
        };
        fields.push(Field {
            number: tag >> 3,
            value,
            raw: &start[..start.len() - rest.len()],
        });
    }
    Ok(fields)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], GraphError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(GraphError::Truncated)?;
    *rest = left;
    Ok(taken)
}

fn take_varint(rest: &mut &[u8]) -> Result<u64, GraphError> {
    let mut number = 0_u64;
    // Ten groups of seven bits hold 64 bits.
    for shift in (0..70).step_by(7) {
        let byte = take(rest, 1)?[0];
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(GraphError::Varint)
}

/// Appends a number field.
pub(super) fn put_varint_field(out: &mut Vec<u8>, number: u64, value: u64) {
    put_varint(out, number << 3);
    put_varint(out, value);
}

/// Appends a field of bytes: a string, a message or packed numbers.
pub(super) fn put_bytes_field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(out, number << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(number in 1_u64..1000, value: u64, bytes: Vec<u8>) {
            let mut message = Vec::new();
            put_varint_field(&mut message, number, value);
            put_bytes_field(&mut message, number + 1, &bytes);
            let read = fields(&message).unwrap();
            prop_assert_eq!(read.len(), 2);
            prop_assert_eq!((read[0].number, read[0].value), (number, Value::Varint(value)));
            prop_assert_eq!((read[1].number, read[1].value), (number + 1, Value::Bytes(&bytes)));
            let raw: Vec<u8> = read.iter().flat_map(|field| field.raw).copied().collect();
            prop_assert_eq!(raw, message);
        }

        #[test]
        fn any_bytes_are_fields_or_an_error_and_fields_add_up_to_the_bytes(bytes: Vec<u8>) {
            if let Ok(read) = fields(&bytes) {
                let raw: Vec<u8> = read.iter().flat_map(|field| field.raw).copied().collect();
                prop_assert_eq!(raw, bytes);
            }
        }
    }
}
