"""Pictures of kitchen and garden products."""

from services.products.pictures.svg_canvas import Palette, SvgCanvas, around

PALETTE = Palette(tile="#EEF4E4", shade="#CEDFB6", ink="#26352A", main="#4F8A3C", second="#D6492F")


def pizza_wheel(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.filled_circle(124, 124, 76, fill=p.ink)
    canvas.filled_circle(124, 124, 67, fill=p.light)
    canvas.circle(124, 124, 50, colour=p.shade)
    canvas.filled_path(
        "M168 96C206 118 216 140 210 172C206 190 190 206 172 210C140 216 118 206 96 168"
        "C124 172 138 166 152 152C166 138 172 124 168 96",
        p.main,
    )
    canvas.polyline((124, 124), (184, 184))
    canvas.polygon((190, 208), (208, 190), (272, 246), (246, 272), fill=p.second)
    canvas.filled_circle(124, 124, 13, fill=p.ink)
    canvas.filled_circle(248, 248, 6, fill=p.light)


def pastry_wheel(canvas: SvgCanvas) -> None:
    p = canvas.palette
    for x, y in around(120, 120, 58, 16):
        canvas.filled_circle(x, y, 15, fill=p.second)
    canvas.filled_circle(120, 120, 60, fill=p.second)
    for x, y in around(120, 120, 34, 6, start=0.25):
        canvas.filled_circle(x, y, 11, fill=p.tile)
    canvas.polyline((120, 120), (200, 200))
    canvas.polygon((188, 206), (206, 188), (272, 246), (246, 272), fill=p.main)
    canvas.polyline((214, 226), (226, 214), colour=p.tile)
    canvas.filled_circle(120, 120, 12, fill=p.ink)


def lazy_susan(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground(92, 228, 240)
    canvas.polygon((128, 240), (144, 206), (176, 206), (192, 240), fill=p.ink)
    canvas.filled_ellipse(160, 192, 118, 30, fill=p.ink)
    canvas.filled_ellipse(160, 184, 118, 30, fill=p.main)
    canvas.filled_ellipse(160, 182, 92, 20, fill=p.shade)
    canvas.polygon((88, 130), (120, 130), (120, 176), (88, 176), fill=p.second)
    canvas.rect(94, 112, 20, 10, fill=p.ink)
    canvas.filled_path("M146 152H226C222 182 206 190 186 190C166 190 150 182 146 152", p.light)
    for x in (164, 186, 208):
        canvas.filled_circle(x, 142, 15, fill=p.second)


def rotary_whisk(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.polygon((144, 40), (176, 40), (170, 84), (150, 84), fill=p.second)
    canvas.polyline((160, 90), (160, 178))
    for x in (132, 188):
        canvas.polyline((160, 174), (x, 182))
        for bulge in (14, 34):
            canvas.path(
                f"M{x} 182C{x - bulge} 206 {x - bulge} 256 {x} 276"
                f"C{x + bulge} 256 {x + bulge} 206 {x} 182"
            )
    canvas.gear(160, 134, 42, 20, fill=p.main)
    canvas.filled_circle(160, 134, 21, fill=p.tile)
    canvas.polyline((160, 134), (222, 110))
    canvas.rect(224, 100, 30, 14, fill=p.second)
    canvas.filled_circle(160, 134, 9, fill=p.ink)


def rolling_pin(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.polyline((72, 248), (248, 72))
    canvas.polygon((80, 196), (196, 80), (240, 124), (124, 240), fill=p.second)
    canvas.polyline((108, 188), (188, 108), colour=p.tile)
    canvas.filled_path("M48 252C42 262 46 270 50 274C54 278 62 280 72 272L88 254L68 234", p.main)
    canvas.filled_path("M272 68C278 58 274 50 270 46C266 42 258 40 248 48L232 66L252 86", p.main)


def hose_reel(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.polyline((160, 150), (96, 254))
    canvas.polyline((160, 150), (224, 254))
    canvas.filled_circle(160, 150, 82, fill=p.main)
    for radius in (64, 46):
        canvas.circle(160, 150, radius, colour=p.tile)
    canvas.filled_circle(160, 150, 28, fill=p.ink)
    canvas.polyline((160, 150), (192, 132), colour=p.second)
    canvas.filled_circle(194, 131, 10, fill=p.second)
    canvas.path("M238 150C246 190 230 214 262 214", colour=p.main)
    canvas.rect(262, 206, 18, 16, fill=p.second)


def reel_mower(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground(36, 284)
    for x in (48, 68, 88, 108):
        canvas.polyline((x, 256), (x - 2, 248), colour=p.main)
    for x in (256, 274):
        canvas.polyline((x, 256), (x + 6, 226), colour=p.main)
    canvas.polyline((84, 46), (184, 192))
    canvas.grip((62, 60), (106, 32))
    canvas.polyline((196, 204), (146, 246))
    canvas.filled_circle(146, 244, 14, fill=p.ink)
    canvas.filled_circle(196, 204, 54, fill=p.ink)
    canvas.filled_circle(196, 204, 42, fill=p.tile)
    for (tip_x, tip_y), (bend_x, bend_y) in zip(
        around(196, 204, 38, 5, start=0.2), around(196, 204, 30, 5, start=0.75), strict=True
    ):
        canvas.path(f"M196 204Q{bend_x:.0f} {bend_y:.0f} {tip_x:.0f} {tip_y:.0f}", colour=p.second)
    canvas.filled_circle(196, 204, 11, fill=p.second)


def water_wheel(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.polyline((150, 156), (100, 262))
    canvas.polyline((150, 156), (200, 262))
    outer, inner = around(150, 150, 98, 12, start=0.4), around(150, 150, 66, 12, start=0.1)
    for out, into in zip(outer, inner, strict=True):
        canvas.polyline(into, out, colour=p.second)
    canvas.spokes(150, 150, 62, 6, colour=p.main, start=0.2)
    canvas.circle(150, 150, 84, colour=p.main)
    canvas.circle(150, 150, 60, colour=p.main)
    canvas.filled_circle(150, 150, 15, fill=p.ink)
    canvas.path("M286 54H214C196 54 186 60 182 70")
    canvas.path("M46 266q18-14 36 0t36 0 36 0 36 0 36 0 36 0")


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
