"""Pictures of kitchen and garden goods."""

from services.products.pictures.pen import Palette, Pen, around

PALETTE = Palette(tile="#EEF4E4", shade="#CEDFB6", ink="#26352A", main="#4F8A3C", second="#D6492F")


def pizza_wheel(pen: Pen) -> None:
    p = pen.palette
    pen.line((160, 160), (212, 212))
    pen.plate((206, 218), (218, 206), (274, 262), (262, 274), fill=p.second)
    pen.disc(128, 128, 78, fill=p.ink)
    pen.disc(128, 128, 62, fill=p.light)
    pen.line((128, 128), (190, 190))
    pen.disc(128, 128, 15, fill=p.second)


def pastry_wheel(pen: Pen) -> None:
    p = pen.palette
    for x, y in around(120, 124, 58, 18):
        pen.disc(x, y, 12, fill=p.second)
    pen.disc(120, 124, 58, fill=p.second)
    pen.disc(120, 124, 36, fill=p.tile)
    pen.spokes(120, 124, 38, 5, colour=p.second)
    pen.curve("M148 96C176 124 176 160 196 188M92 152C124 180 160 176 196 188")
    pen.plate((190, 200), (206, 182), (272, 250), (252, 270), fill=p.main)
    pen.disc(120, 124, 12, fill=p.ink)


def lazy_susan(pen: Pen) -> None:
    p = pen.palette
    pen.ground(92, 228, 240)
    pen.plate((128, 240), (144, 206), (176, 206), (192, 240), fill=p.ink)
    pen.oval(160, 192, 118, 30, fill=p.ink)
    pen.oval(160, 184, 118, 30, fill=p.main)
    pen.oval(160, 182, 92, 20, fill=p.shade)
    pen.plate((88, 130), (120, 130), (120, 176), (88, 176), fill=p.second)
    pen.box(94, 112, 20, 10, fill=p.ink)
    pen.solid("M146 152H226C222 182 206 190 186 190C166 190 150 182 146 152", p.light)
    for x in (164, 186, 208):
        pen.disc(x, 142, 15, fill=p.second)


def rotary_whisk(pen: Pen) -> None:
    p = pen.palette
    pen.plate((146, 44), (174, 44), (170, 90), (150, 90), fill=p.second)
    pen.line((160, 94), (160, 150))
    for x in (138, 182):
        pen.line((x, 150), (x, 180))
        for bulge in (12, 30):
            pen.curve(
                f"M{x} 176C{x - bulge - 12} 204 {x - bulge} 264 {x} 272C{x + bulge} 264 {x + bulge + 12} 204 {x} 176"
            )
    pen.gear(160, 136, 40, 20, fill=p.main)
    pen.disc(160, 136, 20, fill=p.tile)
    pen.line((160, 136), (232, 118))
    pen.box(230, 92, 12, 30, fill=p.second)
    pen.disc(160, 136, 9, fill=p.ink)


def rolling_pin(pen: Pen) -> None:
    p = pen.palette
    pen.line((62, 258), (258, 62))
    pen.plate((84, 192), (192, 84), (236, 128), (128, 236), fill=p.second)
    pen.line((114, 188), (188, 114), colour=p.light)
    pen.plate((50, 258), (74, 234), (86, 246), (62, 270), fill=p.main)
    pen.plate((234, 74), (258, 50), (270, 62), (246, 86), fill=p.main)


def hose_reel(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.line((160, 150), (96, 254))
    pen.line((160, 150), (224, 254))
    pen.disc(160, 150, 82, fill=p.main)
    for radius in (64, 46):
        pen.ring(160, 150, radius, colour=p.tile)
    pen.disc(160, 150, 28, fill=p.ink)
    pen.line((160, 150), (192, 132), colour=p.second)
    pen.disc(194, 131, 10, fill=p.second)
    pen.curve("M238 150C246 190 230 214 262 214", colour=p.main)
    pen.box(262, 206, 18, 16, fill=p.second)


def reel_mower(pen: Pen) -> None:
    p = pen.palette
    pen.ground(40, 280)
    pen.line((84, 52), (186, 196))
    pen.grip((66, 62), (100, 42))
    pen.line((192, 206), (136, 240))
    pen.disc(136, 240, 14, fill=p.ink)
    pen.wheel(202, 206, 52, spokes=7, tyre=p.ink, spoke=p.main, hub=p.second)
    pen.ring(202, 206, 34, colour=p.main)
    for x in (48, 68, 88, 108):
        pen.line((x, 256), (x - 4, 236), colour=p.main)


def water_wheel(pen: Pen) -> None:
    p = pen.palette
    pen.line((150, 170), (108, 266))
    pen.line((150, 170), (192, 266))
    outer, inner = around(150, 158, 96, 10, start=0.4), around(150, 158, 66, 10, start=0.4)
    for out, into in zip(outer, inner, strict=True):
        pen.line(into, out, colour=p.second)
    pen.ring(150, 158, 84, colour=p.main)
    pen.ring(150, 158, 62, colour=p.main)
    pen.spokes(150, 158, 60, 10, colour=p.ink, start=0.4)
    pen.disc(150, 158, 16, fill=p.second)
    pen.curve("M280 66H226C206 66 196 74 190 84", colour=p.ink)
    pen.curve(
        "M54 266C68 254 82 254 96 266C110 278 124 278 138 266C152 254 166 254 180 266C194 278 208 278 222 266C236 254 250 254 264 266"
    )


DRAWINGS = {
    "KITCHEN-PIZZA-01": pizza_wheel,
    "KITCHEN-PASTRY-01": pastry_wheel,
    "KITCHEN-SUSAN-01": lazy_susan,
    "KITCHEN-WHISK-01": rotary_whisk,
    "KITCHEN-PIN-01": rolling_pin,
    "GARDEN-REEL-01": hose_reel,
    "GARDEN-MOWER-01": reel_mower,
    "GARDEN-MILL-01": water_wheel,
}
