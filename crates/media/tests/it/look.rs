use crate::support::*;
use sfumato_core::AnonymizeOptions;
use sfumato_core::media::*;

fn sheet(tiles: &[Pixels], path: &str) {
    let (w, h) = (tiles[0].width, tiles[0].height);
    let mut data = vec![];
    for y in 0..h {
        for t in tiles {
            for x in 0..w {
                data.extend(t.pixel(x, y));
            }
        }
    }
    std::fs::write(
        path,
        png(
            (w * tiles.len() as u32, h),
            png::ColorType::Rgb,
            png::BitDepth::Eight,
            &data,
        ),
    )
    .unwrap();
}
fn crop(p: &Pixels, [l, t, w, h]: [u32; 4], scale: u32) -> Pixels {
    let mut rgb = vec![];
    for y in 0..h * scale {
        for x in 0..w * scale {
            rgb.extend(p.pixel(l + x / scale, t + y / scale));
        }
    }
    Pixels {
        width: w * scale,
        height: h * scale,
        rgb,
    }
}
#[test]
fn look() {
    let original = astronaut();
    let mut row = vec![];
    let mut soft = vec![];
    for style in [
        MaskStyle::Blur,
        MaskStyle::Pixelate(PixelCount::default()),
        MaskStyle::Opaque("#000000".parse().unwrap()),
    ] {
        for padding in [0.0, 0.3] {
            let o = AnonymizeOptions {
                mask: Mask {
                    style,
                    smooth_padding: SmoothPadding::new(padding).unwrap(),
                },
                ..Default::default()
            };
            let (r, out) = anonymized(&rgb_png(&original), o);
            println!("{r:?}");
            let c = crop(&decode_png(&out), [100, 0, 256, 256], 2);
            if padding == 0.0 { row.push(c) } else { soft.push(c) }
        }
    }
    sheet(&row, "/tmp/look_hard.png");
    sheet(&soft, "/tmp/look_soft.png");
    sheet(&[crate::scene::car()], "/tmp/look_car.png");
}
