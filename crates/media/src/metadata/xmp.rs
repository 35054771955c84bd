//! XMP (ISO 16684-1:2019): properties in RDF, built again from those of known vocabularies.
//!
//! A vocabulary that is not named here may hold anything: cameras keep depth maps and second pictures in theirs, editors the
//! files that they were made of. The standard ones hold texts, and one thumbnail.

use quick_xml::events::{BytesEnd, BytesPI, BytesStart, BytesText, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, Writer, XmlVersion};
use sfumato_core::options::MetadataPolicy;

use super::text::is_text;

/// The largest packet in bytes that is read.
const READ_BYTES_MAX: usize = 1 << 20;

/// The largest packet in bytes that is written: what the segment of a JPEG holds beside its prefix.
const WRITTEN_BYTES_MAX: usize = 65_502;

/// How deep elements may lie in each other.
const DEPTH_MAX: usize = 32;

/// The longest name in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Prefixes and names of the vocabularies that are kept.
const VOCABULARIES: [(&str, &str); 16] = [
    ("x", "adobe:ns:meta/"),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    // This prefix needs no declaration.
    ("xml", "http://www.w3.org/XML/1998/namespace"),
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("xmp", "http://ns.adobe.com/xap/1.0/"),
    ("xmpRights", "http://ns.adobe.com/xap/1.0/rights/"),
    ("photoshop", "http://ns.adobe.com/photoshop/1.0/"),
    ("tiff", "http://ns.adobe.com/tiff/1.0/"),
    ("exif", "http://ns.adobe.com/exif/1.0/"),
    ("exifEX", "http://cipa.jp/exif/1.0/"),
    ("aux", "http://ns.adobe.com/exif/1.0/aux/"),
    ("Iptc4xmpCore", "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"),
    ("Iptc4xmpExt", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"),
    ("plus", "http://ns.useplus.org/ldf/xmp/1.0/"),
    ("lr", "http://ns.adobe.com/lightroom/1.0/"),
    ("cc", "http://creativecommons.org/ns#"),
];

/// Names in these vocabularies that are left out: the thumbnail, and what is said of how the original's pixels are stored.
const LEFT_OUT: [(&str, &str); 7] = [
    ("xmp", "Thumbnails"),
    ("tiff", "Orientation"),
    ("tiff", "ImageWidth"),
    ("tiff", "ImageLength"),
    ("exif", "PixelXDimension"),
    ("exif", "PixelYDimension"),
    ("exif", "MakerNote"),
];

/// A name in a known vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    prefix: &'static str,
    local: String,
}

impl Name {
    /// `None` for names that are not kept.
    fn known(vocabulary: &ResolveResult<'_>, local: &str) -> Option<Self> {
        let ResolveResult::Bound(namespace) = vocabulary else {
            return None;
        };
        let (prefix, _) = VOCABULARIES.into_iter().find(|(_, name)| *name == namespace.0)?;
        let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
        let is_kept = local.len() <= NAME_BYTES_MAX
            && local.starts_with(|char: char| char.is_ascii_alphabetic())
            && local.chars().all(is_plain)
            && !LEFT_OUT.contains(&(prefix, local));
        is_kept.then(|| Self {
            prefix,
            local: local.to_owned(),
        })
    }

    fn is(&self, prefix: &str, local: &str) -> bool {
        (self.prefix, self.local.as_str()) == (prefix, local)
    }

    fn qualified(&self) -> String {
        format!("{}:{}", self.prefix, self.local)
    }
}

/// An element that has either text or elements in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Element {
    name: Name,
    attributes: Vec<(Name, String)>,
    text: String,
    elements: Vec<Self>,
}

/// The XMP packet of a result; `None` where nothing is kept, and where the original is no XMP.
pub(crate) fn xmp(policy: MetadataPolicy, original: &[u8]) -> Option<Vec<u8>> {
    if policy != MetadataPolicy::Keep || original.len() > READ_BYTES_MAX {
        return None;
    }
    let text = std::str::from_utf8(original).ok()?;
    let root = parse(text.trim_start_matches('\u{FEFF}').trim_end_matches('\0'))?;
    let is_rdf = |element: &Element| element.name.is("rdf", "RDF");
    let mut rdf = if root.name.is("x", "xmpmeta") {
        root.elements.into_iter().find(is_rdf)?
    } else {
        Some(root).filter(is_rdf)?
    };
    rdf.elements
        .retain(|element| element.name.is("rdf", "Description"));
    rdf.elements.retain(|element| {
        !element.elements.is_empty() || element.attributes.iter().any(|(name, _)| name.prefix != "rdf")
    });
    if rdf.elements.is_empty() {
        return None;
    }
    rdf.attributes.clear();
    rdf.text.clear();
    let packet = write(&rdf)?;
    (packet.len() <= WRITTEN_BYTES_MAX).then_some(packet)
}

/// Reads the outermost element; `None` for what is not well-formed, and for entities of its own.
fn parse(text: &str) -> Option<Element> {
    let mut reader = NsReader::from_str(text);
    let mut open: Vec<Element> = vec![];
    // Elements that are open and left out.
    let mut skipped = 0usize;
    loop {
        let event = reader.read_event().ok()?;
        let (start, closes) = match event {
            Event::Start(start) => (start, false),
            Event::Empty(start) => (start, true),
            Event::End(_) if skipped > 0 => {
                skipped -= 1;
                continue;
            }
            Event::End(_) => {
                let element = open.pop()?;
                match open.last_mut() {
                    Some(parent) => parent.elements.extend(finished(element)),
                    None => return Some(element),
                }
                continue;
            }
            Event::Eof | Event::DocType(_) => return None,
            event => {
                if let (0, Some(element)) = (skipped, open.last_mut()) {
                    element.text.push_str(&characters(&event)?);
                }
                continue;
            }
        };
        if skipped > 0 {
            skipped += usize::from(!closes);
            continue;
        }
        if open.len() >= DEPTH_MAX {
            return None;
        }
        match (element(&reader, &start)?, closes) {
            (Some(element), false) => open.push(element),
            (Some(element), true) => open.last_mut()?.elements.push(element),
            // An outermost element that is not known.
            (None, _) if open.is_empty() => return None,
            (None, closes) => skipped += usize::from(!closes),
        }
    }
}

/// The characters that an event stands for; `None` for an entity that is not known.
fn characters(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Text(text) => Some(text.xml10_content().into_owned()),
        Event::CData(text) => Some(text.xml10_content().into_owned()),
        Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
            Some(char) => Some(char.into()),
            None => quick_xml::escape::resolve_predefined_entity(&reference.xml10_content()).map(Into::into),
        },
        _ => Some(String::new()),
    }
}

/// An element with those of its attributes that are kept; the inner `None` is an element that is not.
fn element(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Option<Option<Element>> {
    let resolver = reader.resolver();
    let (vocabulary, local) = resolver.resolve_element(start.name());
    let name = Name::known(&vocabulary, local.as_ref());
    let mut attributes = vec![];
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        let (vocabulary, local) = resolver.resolve_attribute(attribute.key);
        if let Some(name) = Name::known(&vocabulary, local.as_ref())
            && is_text(value.as_bytes())
        {
            attributes.push((name, value.into_owned()));
        }
    }
    Some(name.map(|name| Element {
        name,
        attributes,
        text: String::new(),
        elements: vec![],
    }))
}

/// An element whose end has come; `None` where what it holds is no text.
fn finished(mut element: Element) -> Option<Element> {
    if !element.elements.is_empty() {
        // White space between elements.
        element.text.clear();
    }
    is_text(element.text.as_bytes()).then_some(element)
}

fn write(rdf: &Element) -> Option<Vec<u8>> {
    let mut writer = Writer::new(vec![]);
    let packet = "xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"";
    writer.write_event(Event::PI(BytesPI::new(packet))).ok()?;
    let mut meta = BytesStart::new("x:xmpmeta");
    let mut used = vec!["x", "rdf"];
    collect_prefixes(rdf, &mut used);
    for (prefix, name) in VOCABULARIES {
        if used.contains(&prefix) && prefix != "xml" {
            meta.push_attribute((format!("xmlns:{prefix}").as_str(), name));
        }
    }
    writer.write_event(Event::Start(meta)).ok()?;
    write_element(&mut writer, rdf)?;
    writer.write_event(Event::End(BytesEnd::new("x:xmpmeta"))).ok()?;
    writer
        .write_event(Event::PI(BytesPI::new("xpacket end=\"r\"")))
        .ok()?;
    Some(writer.into_inner())
}

fn collect_prefixes(element: &Element, used: &mut Vec<&'static str>) {
    used.push(element.name.prefix);
    used.extend(element.attributes.iter().map(|(name, _)| name.prefix));
    used.sort_unstable();
    used.dedup();
    element
        .elements
        .iter()
        .for_each(|element| collect_prefixes(element, used));
}

/// The depth is that of what was read, which has a limit.
fn write_element(writer: &mut Writer<Vec<u8>>, element: &Element) -> Option<()> {
    let name = element.name.qualified();
    let mut start = BytesStart::new(&name);
    for (name, value) in &element.attributes {
        start.push_attribute((name.qualified().as_str(), value.as_str()));
    }
    writer.write_event(Event::Start(start)).ok()?;
    writer
        .write_event(Event::Text(BytesText::new(&element.text)))
        .ok()?;
    for element in &element.elements {
        write_element(writer, element)?;
    }
    writer.write_event(Event::End(BytesEnd::new(&name))).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PICTURE: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkS";

    fn packet(properties: &str) -> String {
        format!(
            "<?xpacket begin='\u{FEFF}' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>\
             <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' \
             xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:a='http://ns.adobe.com/xap/1.0/' \
             xmlns:xmpGImg='http://ns.adobe.com/xap/1.0/g/img/' xmlns:GCamera='http://ns.google.com/photos/1.0/camera/' \
             xmlns:xmpNote='http://ns.adobe.com/xmp/note/' xmpNote:HasExtendedXMP='0123456789ABCDEF' a:Rating='5'>\
             {properties}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
        )
    }

    fn keep(text: &str) -> Option<String> {
        xmp(MetadataPolicy::Keep, text.as_bytes()).map(|packet| String::from_utf8(packet).unwrap())
    }

    #[test]
    fn texts_are_kept_and_pictures_are_not() {
        let data = PICTURE.repeat(20);
        let original = packet(&format!(
            "<dc:creator><rdf:Seq><rdf:li>M&#252;ller &amp; Co</rdf:li></rdf:Seq></dc:creator>\
             <a:Thumbnails><rdf:Alt><rdf:li rdf:parseType='Resource'><xmpGImg:image>{data}</xmpGImg:image></rdf:li>\
             </rdf:Alt></a:Thumbnails><GCamera:MicroVideo>1</GCamera:MicroVideo><dc:source>{data}</dc:source>\
             <dc:title><![CDATA[<A title>]]></dc:title>"
        ));
        let kept = keep(&original).unwrap();
        for text in [
            "Müller &amp; Co",
            "&lt;A title&gt;",
            "xmp:Rating=\"5\"",
            "<rdf:Seq><rdf:li>",
        ] {
            assert!(kept.contains(text), "{text} is not in {kept}");
        }
        for text in [
            "/9j/",
            "humbnails",
            "GCamera",
            "xmpGImg",
            "HasExtended",
            "dc:source",
        ] {
            assert!(!kept.contains(text), "{text} is in {kept}");
        }
        assert_eq!(
            keep(&kept).as_ref(),
            Some(&kept),
            "what is kept comes out the same"
        );
        for policy in [MetadataPolicy::Strip, MetadataPolicy::Safe] {
            assert_eq!(xmp(policy, original.as_bytes()), None);
        }
    }

    #[test]
    fn what_is_not_well_formed_is_left_out() {
        let whole = packet("<dc:format>image/jpeg</dc:format>");
        assert!(keep(&whole).is_some());
        assert_eq!(keep(&whole[..whole.len() / 2]), None);
        assert_eq!(keep(&packet("<dc:format></dc:title>")), None);
        assert_eq!(keep(&packet("<dc:format>&unknown;</dc:format>")), None);
        assert_eq!(keep(&format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{whole}")), None);
        assert_eq!(keep(&packet(&"<dc:format>".repeat(2000))), None, "too deep");
        assert_eq!(keep("<html/>"), None);
        assert_eq!(keep(""), None);
    }

    #[test]
    fn a_packet_that_says_nothing_is_none() {
        let empty = "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description \
                     rdf:about=''/></rdf:RDF>";
        assert_eq!(keep(empty), None);
    }

    proptest! {
        #[test]
        fn damaged_packets_are_built_again_or_left_out(
            damage in prop::collection::vec((any::<prop::sample::Index>(), 0x20u8..0x7F), 1..6),
        ) {
            let mut bytes = packet("<dc:creator><rdf:Seq><rdf:li>A &amp; B</rdf:li></rdf:Seq></dc:creator>").into_bytes();
            for (place, value) in damage {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            if let Some(once) = xmp(MetadataPolicy::Keep, &bytes) {
                prop_assert_eq!(xmp(MetadataPolicy::Keep, &once), Some(once));
            }
        }
    }
}
