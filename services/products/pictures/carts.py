"""Pictures of carts and barrows."""

from services.products.pictures.svg_canvas import Palette, SvgCanvas

PALETTE = Palette(tile="#F6F1DF", shade="#DFD3AC", ink="#2B3326", main="#3F6B3C", second="#D08A1E")


def wheelbarrow(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground(40, 280)
    canvas.polyline((38, 176), (110, 190), (212, 222), colour=p.second)
    canvas.polyline((128, 196), (104, 254), (124, 254))
    canvas.polygon((84, 112), (256, 124), (206, 196), (126, 184), fill=p.main)
    canvas.polyline((78, 110), (262, 123))
    canvas.wheel(226, 224, 34, spokes=6, spoke=p.ink, hub=p.second)
    canvas.grip((32, 175), (52, 179))


def hand_truck(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.rect(138, 172, 92, 74, fill=p.second)
    canvas.rect(138, 98, 68, 66, fill=p.main)
    canvas.polyline((166, 190), (186, 190), colour=p.tile)
    canvas.polyline((160, 116), (180, 116), colour=p.tile)
    canvas.path("M78 52H106C116 52 120 58 120 68V254H238")
    canvas.grip((72, 52), (92, 52))
    canvas.wheel(96, 230, 31, spokes=6, spoke=p.ink, hub=p.second)


def wagon(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground(40, 280)
    canvas.polyline((216, 206), (276, 118))
    canvas.grip((266, 110), (286, 124))
    canvas.crate(60, 122, 164, 78, slats=3, fill=p.main)
    canvas.polyline((60, 206), (224, 206))
    for x in (96, 190):
        canvas.wheel(x, 224, 34, spokes=8, spoke=p.second, hub=p.second)


def shopping_trolley(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.polygon((92, 104), (258, 118), (232, 180), (112, 180), fill=p.second)
    canvas.polyline((92, 104), (258, 118), (232, 180), (112, 180), (92, 104))
    for top, bottom in ((134, 142), (175, 172), (216, 202)):
        canvas.polyline((top, 108 + (top - 92) * 0.084), (bottom, 180))
    canvas.polyline((98, 140), (250, 146))
    canvas.polyline((60, 84), (86, 84), (120, 212), (226, 212))
    canvas.grip((52, 84), (76, 84))
    for x in (128, 218):
        canvas.solid_wheel(x, 240, 18, fill=p.ink)


def tea_trolley(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    for x in (84, 228):
        canvas.polyline((x, 96), (x, 236))
        canvas.solid_wheel(x, 242, 16, fill=p.ink, hub=p.second)
    canvas.rect(72, 132, 168, 8, fill=p.main)
    canvas.rect(72, 206, 168, 8, fill=p.main)
    canvas.path("M228 104H262")
    canvas.grip((256, 104), (270, 104))
    canvas.filled_path("M108 126C92 96 108 84 132 84C156 84 172 96 156 126", p.second)
    canvas.polyline((132, 76), (132, 70), colour=p.second)
    canvas.path("M160 112C174 108 174 92 186 92", colour=p.second)
    canvas.path("M104 114C84 112 86 90 104 94", colour=p.second)
    canvas.filled_path("M192 108H218C218 122 212 126 205 126C198 126 192 122 192 108", p.light)
    canvas.rect(108, 172, 44, 30, fill=p.second)
    canvas.filled_circle(188, 184, 18, fill=p.light)


def ice_cream_cart(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.polyline((160, 62), (160, 150))
    canvas.filled_path("M72 104C84 52 236 52 248 104", p.second)
    canvas.filled_path("M128 104C132 56 188 56 192 104", p.light)
    canvas.rect(76, 152, 156, 62, fill=p.main)
    canvas.polyline((232, 162), (270, 148))
    canvas.grip((262, 151), (276, 146))
    canvas.polygon((140, 178), (172, 178), (156, 208), fill=p.second)
    canvas.filled_circle(156, 172, 14, fill=p.light)
    for x in (110, 206):
        canvas.wheel(x, 226, 32, spokes=8, spoke=p.ink, hub=p.second)


def market_barrow(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground(30, 290)
    for x in (70, 236):
        canvas.polyline((x, 88), (x, 168))
    for step in range(6):
        fill = p.main if step % 2 == 0 else p.light
        canvas.rect(56 + step * 33.5, 66, 26.5, 34, fill=fill)
    for x, fill in ((94, p.second), (122, p.main), (150, p.second), (178, p.main), (206, p.second)):
        canvas.filled_circle(x, 150, 15, fill=fill)
    canvas.polygon((58, 162), (252, 162), (240, 194), (70, 194), fill=p.ink)
    canvas.polyline((240, 178), (292, 170))
    canvas.polyline((224, 196), (236, 254))
    canvas.wheel(128, 214, 44, spokes=10, spoke=p.second, hub=p.second)


def dolly(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.filled_path(
        "M92 98C92 72 148 62 174 68C196 74 182 108 218 112C238 114 238 128 238 142H92", p.ink
    )
    canvas.rect(92, 144, 146, 14, fill=p.light)
    for x in (106, 124, 150, 168, 194, 212):
        canvas.polyline((x, 142), (x, 150))
    canvas.polyline((108, 164), (108, 204))
    canvas.polyline((222, 164), (222, 204))
    canvas.polyline((165, 164), (165, 192))
    canvas.polyline((152, 194), (178, 194), colour=p.second)
    canvas.rect(62, 206, 196, 14, fill=p.second)
    for x in (88, 232):
        canvas.solid_wheel(x, 238, 20, fill=p.main)


DRAWINGS = {
    "CART-BARROW-01": wheelbarrow,
    "CART-SACK-01": hand_truck,
    "CART-WAGON-01": wagon,
    "CART-TROLLEY-01": shopping_trolley,
    "CART-TEA-01": tea_trolley,
    "CART-ICE-01": ice_cream_cart,
    "CART-MARKET-01": market_barrow,
    "CART-DOLLY-01": dolly,
}
