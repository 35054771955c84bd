//! What is really in the pictures of a set: `images/` and `annotations.csv`.
//!
//! The table has the columns `image,class,x,y,w,h,set`: boxes in pixels of the picture as displayed, top left corner and
//! size. A row without a size is a picture with no object.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::boxes::BoundingBox;

const TABLE: &str = "annotations.csv";
const IMAGES: &str = "images";

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Faces,
    Plates,
}

impl Class {
    pub(crate) const ALL: [Self; 2] = [Self::Faces, Self::Plates];

    /// The name of its folder, and of its member in the results.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Faces => "faces",
            Self::Plates => "plates",
        }
    }

    /// Its word in the detections document.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Faces => "face",
            Self::Plates => "plate",
        }
    }

    /// The class of an annotation; masks and how they are worn make no difference.
    fn of(annotation: &str) -> Option<Self> {
        match annotation {
            "face" | "face_mask" | "face_mask_incorrect" => Some(Self::Faces),
            "plate" => Some(Self::Plates),
            _ => None,
        }
    }
}

/// One picture and what is in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    /// The file's name in `images/`.
    pub(crate) name: String,
    /// Which set it is from.
    pub(crate) set: String,
    /// Ground truth; empty where the picture has no object.
    pub(crate) truth: Vec<BoundingBox>,
}

/// All annotated pictures of one class.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Collection {
    pub(crate) class: Class,
    pub(crate) folder: PathBuf,
    pub(crate) pictures: Vec<Picture>,
}

impl Collection {
    /// The path of one of its pictures.
    pub(crate) fn path(&self, picture: &str) -> PathBuf {
        self.folder.join(IMAGES).join(picture)
    }
}

/// Finds the collections in a folder: `faces/` and `plates/`, one of them, or the folder itself.
///
/// # Errors
/// There is none, a table cannot be read, or a picture that it names is not there.
pub(crate) fn find(set: &Path) -> anyhow::Result<Vec<Collection>> {
    let mut collections = Vec::new();
    for class in Class::ALL {
        let folder = set.join(class.folder());
        if folder.join(TABLE).is_file() {
            collections.push(read(&folder, Some(class))?);
        }
    }
    if collections.is_empty() && set.join(TABLE).is_file() {
        let by_name = Class::ALL.into_iter().find(|class| set.ends_with(class.folder()));
        collections.push(read(set, by_name)?);
    }
    ensure!(
        !collections.is_empty(),
        "{} has neither faces/{TABLE} nor plates/{TABLE}, and no {TABLE} itself",
        set.display()
    );
    Ok(collections)
}

fn read(folder: &Path, class: Option<Class>) -> anyhow::Result<Collection> {
    let path = folder.join(TABLE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let (class, pictures) = parse(&text, class).with_context(|| format!("read {}", path.display()))?;
    let collection = Collection {
        class,
        folder: folder.to_owned(),
        pictures,
    };
    for picture in &collection.pictures {
        let image = collection.path(&picture.name);
        ensure!(
            image.is_file(),
            "{} names {}, which is not there",
            path.display(),
            image.display()
        );
    }
    Ok(collection)
}

#[derive(Debug, Deserialize)]
struct Row {
    image: String,
    #[serde(default)]
    class: String,
    x: Option<f64>,
    y: Option<f64>,
    w: Option<f64>,
    h: Option<f64>,
    #[serde(default)]
    set: String,
}

impl Row {
    /// The box; none in a row without a size.
    fn bounding_box(&self) -> anyhow::Result<Option<BoundingBox>> {
        let (Some(width), Some(height)) = (self.w, self.h) else {
            return Ok(None);
        };
        if width == 0.0 || height == 0.0 {
            return Ok(None);
        }
        ensure!(width > 0.0 && height > 0.0, "a size is below zero");
        let (Some(x), Some(y)) = (self.x, self.y) else {
            bail!("there is a size and no place");
        };
        Ok(Some(BoundingBox::from_size(x, y, width, height)))
    }
}

/// Reads the table. Pictures stand in the order in which they first appear. Without a class the rows say which it is.
fn parse(text: &str, class: Option<Class>) -> anyhow::Result<(Class, Vec<Picture>)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut class = class;
    let mut pictures: Vec<Picture> = Vec::new();
    let mut places = HashMap::new();
    for (number, row) in reader.deserialize::<Row>().enumerate() {
        // The header is the first line.
        let at = || format!("row {}", number + 2);
        let row = row.with_context(at)?;
        let place = *places.entry(row.image.clone()).or_insert_with(|| {
            pictures.push(Picture {
                name: row.image.clone(),
                set: row.set.clone(),
                truth: Vec::new(),
            });
            pictures.len() - 1
        });
        let Some(bounding_box) = row.bounding_box().with_context(at)? else {
            continue;
        };
        let own = Class::of(&row.class);
        ensure!(
            own.is_some() && own == class.or(own),
            "{}: `{}` is no class of these pictures",
            at(),
            row.class
        );
        class = own;
        pictures[place].truth.push(bounding_box);
    }
    let class =
        class.context("tell faces from plates: no row has an object, and the folder has neither name")?;
    Ok((class, pictures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_gathered_by_picture_in_the_order_of_the_table() {
        let text = "image,class,x,y,w,h,set\n\
            b.jpg,face,1,2,30,40,one\n\
            a.jpg,face_mask,5,6,7,8,two\n\
            b.jpg,face_mask_incorrect,0.5,0,10,10,one\n";
        let (class, pictures) = parse(text, None).unwrap();
        assert_eq!(class, Class::Faces);
        let names: Vec<_> = pictures.iter().map(|picture| picture.name.as_str()).collect();
        assert_eq!(names, ["b.jpg", "a.jpg"]);
        assert_eq!(
            pictures[0].truth,
            [
                BoundingBox::from_size(1.0, 2.0, 30.0, 40.0),
                BoundingBox::from_size(0.5, 0.0, 10.0, 10.0)
            ]
        );
        assert_eq!(pictures[1].set, "two");
    }

    #[test]
    fn a_row_without_a_size_is_a_picture_with_no_object() {
        let text = "image,class,x,y,w,h,set\n\
            empty.jpg,,,,,,street\n\
            also.jpg,plate,,,,,street\n\
            flat.jpg,plate,3,4,0,0,street\n\
            car.jpg,plate,1,1,60,20,street\n\
            car.jpg,,,,,,street\n";
        let (class, pictures) = parse(text, None).unwrap();
        assert_eq!(class, Class::Plates);
        let counts: Vec<_> = pictures.iter().map(|picture| picture.truth.len()).collect();
        assert_eq!(counts, [0, 0, 0, 1]);
    }

    #[test]
    fn what_spreadsheets_do_to_a_table_does_not_matter() {
        let text = "\u{feff}set,image,h,w,y,x,class,comment\r\n\
            one,\"with, comma.jpg\",10, 20 ,0,0,plate,\"says \"\"hello\"\"\"\r\n\
            \r\n\
            one,plain.jpg,10,20.5,0,0,plate,\r\n";
        let (_, pictures) = parse(text, Some(Class::Plates)).unwrap();
        assert_eq!(pictures[0].name, "with, comma.jpg");
        assert_eq!(pictures[0].truth[0].width(), 20.0);
        assert_eq!(pictures[1].truth[0].width(), 20.5);
    }

    #[test]
    fn what_is_wrong_in_a_table_is_named_by_its_row() {
        for (row, class, expected) in [
            ("a.jpg,plate,1,1,5,5,s", Some(Class::Faces), "row 2: `plate`"),
            ("a.jpg,cat,1,1,5,5,s", None, "row 2: `cat`"),
            ("a.jpg,face,1,1,-5,5,s", None, "below zero"),
            ("a.jpg,face,,,5,5,s", None, "no place"),
            ("a.jpg,face,1,1,wide,5,s", None, "row 2"),
            ("a.jpg,face,1,1,5", None, "row 2"),
            ("a.jpg,,,,,,s", None, "tell faces from plates"),
        ] {
            let error = parse(&format!("image,class,x,y,w,h,set\n{row}\n"), class).unwrap_err();
            let message = format!("{error:#}");
            assert!(message.contains(expected), "{row}: {message}");
        }
    }

    #[test]
    fn a_folder_is_both_classes_or_one_or_one_itself() {
        let root = tempfile::tempdir().unwrap();
        assert!(find(root.path()).is_err());
        let add = |class: &str, row: &str| {
            let folder = root.path().join(class);
            std::fs::create_dir_all(folder.join(IMAGES)).unwrap();
            std::fs::write(folder.join("images/a.jpg"), "").unwrap();
            std::fs::write(folder.join(TABLE), format!("image,class,x,y,w,h,set\n{row}\n")).unwrap();
        };
        let classes = |folder: &Path| -> Vec<Class> {
            find(folder)
                .unwrap()
                .iter()
                .map(|collection| collection.class)
                .collect()
        };
        add("plates", "a.jpg,,,,,,s");
        assert_eq!(classes(root.path()), [Class::Plates]);
        assert_eq!(classes(&root.path().join("plates")), [Class::Plates]);
        add("faces", "a.jpg,face,1,1,5,5,s");
        assert_eq!(classes(root.path()), Class::ALL);
        add("faces", "gone.jpg,face,1,1,5,5,s");
        let message = find(root.path()).unwrap_err().to_string();
        assert!(message.contains("gone.jpg"), "{message}");
    }
}
