"""Pictures of bicycles and their parts."""

from services.products.pictures.svg_canvas import Palette, SvgCanvas, around

PALETTE = Palette(tile="#FBEFE8", shade="#EBCFC0", ink="#26282E", main="#C8401F", second="#E8A33D")


def fixed_gear(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    for x in (90, 232):
        canvas.wheel(x, 206, 52, spokes=10, hub=p.ink)
    bottom, seat, head, crown = (148, 212), (126, 138), (206, 134), (211, 150)
    canvas.polyline((90, 206), seat, bottom, (90, 206), colour=p.main)
    canvas.polyline(seat, head, crown, bottom, colour=p.main)
    canvas.polyline(crown, (232, 206), colour=p.main)
    canvas.polyline(seat, (119, 114))
    canvas.polyline((100, 110), (138, 110))
    canvas.path("M206 134L203 116H224C246 116 246 144 224 142")
    canvas.polyline((148, 212), (166, 228), (174, 228))
    canvas.gear(*bottom, 16, 14, fill=p.second)
    canvas.filled_circle(*bottom, 5, fill=p.ink)


def cargo_bike(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground(30, 290)
    canvas.wheel(70, 212, 46, spokes=10)
    canvas.wheel(262, 226, 32, spokes=8)
    canvas.crate(158, 136, 90, 66, slats=3, fill=p.second)
    bottom, seat, head = (120, 218), (102, 148), (148, 146)
    canvas.polyline((70, 212), seat, bottom, (70, 212), colour=p.main)
    canvas.polyline(seat, head, bottom, colour=p.main)
    canvas.path("M146 132L156 214H236L262 226", colour=p.main)
    canvas.polyline(seat, (96, 124))
    canvas.polyline((78, 120), (114, 120))
    canvas.path("M147 138L143 110L124 108")
    canvas.filled_circle(*bottom, 13, fill=p.ink)
    canvas.polyline(bottom, (134, 234), (142, 234))


def folding_bike(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    for x in (92, 232):
        canvas.wheel(x, 222, 36, spokes=8)
    canvas.polyline((92, 222), (150, 222), (132, 176), (92, 222), colour=p.main)
    canvas.path("M132 176C160 186 186 186 214 170", colour=p.main)
    canvas.polyline((214, 160), (232, 222), colour=p.main)
    canvas.polyline((150, 222), (118, 108))
    canvas.polyline((96, 104), (138, 104))
    canvas.polyline((214, 164), (204, 88), (184, 84))
    canvas.grip((188, 84), (176, 83))
    canvas.rect(166, 176, 14, 18, fill=p.second)
    canvas.filled_circle(150, 222, 14, fill=p.ink)
    canvas.polyline((150, 222), (162, 238), (172, 238))


def penny_farthing(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground(56, 264)
    canvas.wheel(180, 170, 88, spokes=16)
    canvas.wheel(82, 235, 23, spokes=6)
    canvas.path("M82 235C84 150 118 76 176 72", colour=p.main)
    canvas.polyline((180, 170), (178, 66), colour=p.main)
    canvas.path("M130 84C142 74 154 72 166 74", colour=p.second)
    canvas.path("M178 64C196 56 206 64 206 76")
    canvas.polyline((180, 170), (196, 190), (208, 190))
    canvas.filled_circle(180, 170, 12, fill=p.second)


def spoked_wheel(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.circle(160, 160, 108)
    canvas.circle(160, 160, 97, colour=p.main)
    canvas.spokes(160, 160, 92, 16, colour=p.ink)
    canvas.filled_circle(160, 160, 20, fill=p.main)
    canvas.filled_circle(160, 160, 7, fill=p.light)
    canvas.polyline((160, 253), (160, 238), colour=p.second)


def crankset(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.gear(160, 160, 82, 32, fill=p.ink)
    canvas.filled_circle(160, 160, 62, fill=p.tile)
    for x, y in around(160, 160, 62, 5, start=0.75):
        canvas.polyline((160, 160), (x, y))
    canvas.polyline((160, 160), (88, 256), colour=p.main)
    canvas.polyline((160, 160), (232, 64), colour=p.main)
    canvas.rect(62, 252, 46, 14, fill=p.second)
    canvas.rect(212, 54, 46, 14, fill=p.second)
    canvas.filled_circle(160, 160, 20, fill=p.main)
    canvas.filled_circle(160, 160, 7, fill=p.light)


def saddle(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.path("M94 160C100 206 124 214 160 214L246 146")
    canvas.rect(144, 200, 34, 16, fill=p.second)
    canvas.polyline((161, 220), (154, 268))
    canvas.filled_path(
        "M58 122C58 92 92 86 122 96C164 108 204 106 256 106C280 106 280 136 256 140"
        "C216 146 192 150 166 168C128 190 58 176 58 122",
        p.main,
    )
    for x, y in ((84, 126), (108, 116)):
        canvas.filled_circle(x, y, 6, fill=p.second)


def bell(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.polyline((64, 236), (256, 236))
    canvas.rect(136, 204, 48, 28, fill=p.ink)
    canvas.filled_path("M84 196C84 66 236 66 236 196", p.main)
    canvas.path("M112 170C116 130 132 116 150 112", colour=p.light)
    canvas.polyline((74, 199), (246, 199), colour=p.second)
    canvas.filled_circle(160, 96, 11, fill=p.second)
    canvas.path("M238 216C262 212 268 198 266 180")
    canvas.filled_circle(266, 176, 10, fill=p.second)


DRAWINGS = {
    "BIKE-FIXIE-01": fixed_gear,
    "BIKE-CARGO-01": cargo_bike,
    "BIKE-FOLD-01": folding_bike,
    "BIKE-PENNY-01": penny_farthing,
    "PART-WHEEL-32": spoked_wheel,
    "PART-CRANK-46": crankset,
    "PART-SADDLE-01": saddle,
    "PART-BELL-01": bell,
}
