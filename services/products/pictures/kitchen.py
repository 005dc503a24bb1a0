"""Pictures of kitchen and garden goods."""

from services.products.pictures.svg_canvas import Palette, Pen, around

PALETTE = Palette(tile="#EEF4E4", shade="#CEDFB6", ink="#26352A", main="#4F8A3C", second="#D6492F")


def pizza_wheel(pen: Pen) -> None:
    p = pen.palette
    pen.disc(124, 124, 76, fill=p.ink)
    pen.disc(124, 124, 67, fill=p.light)
    pen.ring(124, 124, 50, colour=p.shade)
    pen.solid(
        "M168 96C206 118 216 140 210 172C206 190 190 206 172 210C140 216 118 206 96 168"
        "C124 172 138 166 152 152C166 138 172 124 168 96",
        p.main,
    )
    pen.line((124, 124), (184, 184))
    pen.plate((190, 208), (208, 190), (272, 246), (246, 272), fill=p.second)
    pen.disc(124, 124, 13, fill=p.ink)
    pen.disc(248, 248, 6, fill=p.light)


def pastry_wheel(pen: Pen) -> None:
    p = pen.palette
    for x, y in around(120, 120, 58, 16):
        pen.disc(x, y, 15, fill=p.second)
    pen.disc(120, 120, 60, fill=p.second)
    for x, y in around(120, 120, 34, 6, start=0.25):
        pen.disc(x, y, 11, fill=p.tile)
    pen.line((120, 120), (200, 200))
    pen.plate((188, 206), (206, 188), (272, 246), (246, 272), fill=p.main)
    pen.line((214, 226), (226, 214), colour=p.tile)
    pen.disc(120, 120, 12, fill=p.ink)


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
    pen.plate((144, 40), (176, 40), (170, 84), (150, 84), fill=p.second)
    pen.line((160, 90), (160, 178))
    for x in (132, 188):
        pen.line((160, 174), (x, 182))
        for bulge in (14, 34):
            pen.curve(
                f"M{x} 182C{x - bulge} 206 {x - bulge} 256 {x} 276"
                f"C{x + bulge} 256 {x + bulge} 206 {x} 182"
            )
    pen.gear(160, 134, 42, 20, fill=p.main)
    pen.disc(160, 134, 21, fill=p.tile)
    pen.line((160, 134), (222, 110))
    pen.box(224, 100, 30, 14, fill=p.second)
    pen.disc(160, 134, 9, fill=p.ink)


def rolling_pin(pen: Pen) -> None:
    p = pen.palette
    pen.line((72, 248), (248, 72))
    pen.plate((80, 196), (196, 80), (240, 124), (124, 240), fill=p.second)
    pen.line((108, 188), (188, 108), colour=p.tile)
    pen.solid("M48 252C42 262 46 270 50 274C54 278 62 280 72 272L88 254L68 234", p.main)
    pen.solid("M272 68C278 58 274 50 270 46C266 42 258 40 248 48L232 66L252 86", p.main)


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
    pen.ground(36, 284)
    for x in (48, 68, 88, 108):
        pen.line((x, 256), (x - 2, 248), colour=p.main)
    for x in (256, 274):
        pen.line((x, 256), (x + 6, 226), colour=p.main)
    pen.line((84, 46), (184, 192))
    pen.grip((62, 60), (106, 32))
    pen.line((196, 204), (146, 246))
    pen.disc(146, 244, 14, fill=p.ink)
    pen.disc(196, 204, 54, fill=p.ink)
    pen.disc(196, 204, 42, fill=p.tile)
    for (tip_x, tip_y), (bend_x, bend_y) in zip(
        around(196, 204, 38, 5, start=0.2), around(196, 204, 30, 5, start=0.75), strict=True
    ):
        pen.curve(f"M196 204Q{bend_x:.0f} {bend_y:.0f} {tip_x:.0f} {tip_y:.0f}", colour=p.second)
    pen.disc(196, 204, 11, fill=p.second)


def water_wheel(pen: Pen) -> None:
    p = pen.palette
    pen.line((150, 156), (100, 262))
    pen.line((150, 156), (200, 262))
    outer, inner = around(150, 150, 98, 12, start=0.4), around(150, 150, 66, 12, start=0.1)
    for out, into in zip(outer, inner, strict=True):
        pen.line(into, out, colour=p.second)
    pen.spokes(150, 150, 62, 6, colour=p.main, start=0.2)
    pen.ring(150, 150, 84, colour=p.main)
    pen.ring(150, 150, 60, colour=p.main)
    pen.disc(150, 150, 15, fill=p.ink)
    pen.curve("M286 54H214C196 54 186 60 182 70")
    pen.curve("M46 266q18-14 36 0t36 0 36 0 36 0 36 0 36 0")


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
