"""Pictures of carts and barrows."""

from services.products.pictures.svg_canvas import Palette, Pen

PALETTE = Palette(tile="#F6F1DF", shade="#DFD3AC", ink="#2B3326", main="#3F6B3C", second="#D08A1E")


def wheelbarrow(pen: Pen) -> None:
    p = pen.palette
    pen.ground(40, 280)
    pen.line((38, 176), (110, 190), (212, 222), colour=p.second)
    pen.line((128, 196), (104, 254), (124, 254))
    pen.plate((84, 112), (256, 124), (206, 196), (126, 184), fill=p.main)
    pen.line((78, 110), (262, 123))
    pen.wheel(226, 224, 34, spokes=6, spoke=p.ink, hub=p.second)
    pen.grip((32, 175), (52, 179))


def hand_truck(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.box(138, 172, 92, 74, fill=p.second)
    pen.box(138, 98, 68, 66, fill=p.main)
    pen.line((166, 190), (186, 190), colour=p.tile)
    pen.line((160, 116), (180, 116), colour=p.tile)
    pen.curve("M78 52H106C116 52 120 58 120 68V254H238")
    pen.grip((72, 52), (92, 52))
    pen.wheel(96, 230, 31, spokes=6, spoke=p.ink, hub=p.second)


def wagon(pen: Pen) -> None:
    p = pen.palette
    pen.ground(40, 280)
    pen.line((216, 206), (276, 118))
    pen.grip((266, 110), (286, 124))
    pen.crate(60, 122, 164, 78, slats=3, fill=p.main)
    pen.line((60, 206), (224, 206))
    for x in (96, 190):
        pen.wheel(x, 224, 34, spokes=8, spoke=p.second, hub=p.second)


def shopping_trolley(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.plate((92, 104), (258, 118), (232, 180), (112, 180), fill=p.second)
    pen.line((92, 104), (258, 118), (232, 180), (112, 180), (92, 104))
    for top, bottom in ((134, 142), (175, 172), (216, 202)):
        pen.line((top, 108 + (top - 92) * 0.084), (bottom, 180))
    pen.line((98, 140), (250, 146))
    pen.line((60, 84), (86, 84), (120, 212), (226, 212))
    pen.grip((52, 84), (76, 84))
    for x in (128, 218):
        pen.roller(x, 240, 18, fill=p.ink)


def tea_trolley(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    for x in (84, 228):
        pen.line((x, 96), (x, 236))
        pen.roller(x, 242, 16, fill=p.ink, hub=p.second)
    pen.box(72, 132, 168, 8, fill=p.main)
    pen.box(72, 206, 168, 8, fill=p.main)
    pen.curve("M228 104H262")
    pen.grip((256, 104), (270, 104))
    pen.solid("M108 126C92 96 108 84 132 84C156 84 172 96 156 126", p.second)
    pen.line((132, 76), (132, 70), colour=p.second)
    pen.curve("M160 112C174 108 174 92 186 92", colour=p.second)
    pen.curve("M104 114C84 112 86 90 104 94", colour=p.second)
    pen.solid("M192 108H218C218 122 212 126 205 126C198 126 192 122 192 108", p.light)
    pen.box(108, 172, 44, 30, fill=p.second)
    pen.disc(188, 184, 18, fill=p.light)


def ice_cream_cart(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.line((160, 62), (160, 150))
    pen.solid("M72 104C84 52 236 52 248 104", p.second)
    pen.solid("M128 104C132 56 188 56 192 104", p.light)
    pen.box(76, 152, 156, 62, fill=p.main)
    pen.line((232, 162), (270, 148))
    pen.grip((262, 151), (276, 146))
    pen.plate((140, 178), (172, 178), (156, 208), fill=p.second)
    pen.disc(156, 172, 14, fill=p.light)
    for x in (110, 206):
        pen.wheel(x, 226, 32, spokes=8, spoke=p.ink, hub=p.second)


def market_barrow(pen: Pen) -> None:
    p = pen.palette
    pen.ground(30, 290)
    for x in (70, 236):
        pen.line((x, 88), (x, 168))
    for step in range(6):
        fill = p.main if step % 2 == 0 else p.light
        pen.box(56 + step * 33.5, 66, 26.5, 34, fill=fill)
    for x, fill in ((94, p.second), (122, p.main), (150, p.second), (178, p.main), (206, p.second)):
        pen.disc(x, 150, 15, fill=fill)
    pen.plate((58, 162), (252, 162), (240, 194), (70, 194), fill=p.ink)
    pen.line((240, 178), (292, 170))
    pen.line((224, 196), (236, 254))
    pen.wheel(128, 214, 44, spokes=10, spoke=p.second, hub=p.second)


def dolly(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.solid("M92 98C92 72 148 62 174 68C196 74 182 108 218 112C238 114 238 128 238 142H92", p.ink)
    pen.box(92, 144, 146, 14, fill=p.light)
    for x in (106, 124, 150, 168, 194, 212):
        pen.line((x, 142), (x, 150))
    pen.line((108, 164), (108, 204))
    pen.line((222, 164), (222, 204))
    pen.line((165, 164), (165, 192))
    pen.line((152, 194), (178, 194), colour=p.second)
    pen.box(62, 206, 196, 14, fill=p.second)
    for x in (88, 232):
        pen.roller(x, 238, 20, fill=p.main)


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
