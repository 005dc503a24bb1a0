"""Pictures of toys on wheels."""

from services.products.pictures.svg_canvas import Palette, SvgCanvas

PALETTE = Palette(tile="#FFF3DA", shade="#F3DCA8", ink="#24324A", main="#D8432F", second="#2F6FB5")
YELLOW = "#F2B02E"


def duck(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.filled_path(
        "M70 136C88 164 112 154 138 148C150 132 146 124 146 106C146 70 210 66 214 106"
        "C216 130 206 136 214 154C222 190 190 208 150 208C100 208 62 186 70 136",
        YELLOW,
    )
    canvas.polygon((216, 102), (250, 112), (216, 122), fill=p.main)
    canvas.filled_circle(188, 102, 7, fill=p.ink)
    canvas.path("M112 166C128 190 158 188 174 166")
    canvas.rect(80, 212, 142, 9, fill=p.main)
    canvas.path("M226 214C252 214 262 190 284 196")
    for x in (110, 194):
        canvas.solid_wheel(x, 234, 24, fill=p.second)


def train(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.rect(70, 100, 66, 112, fill=p.second)
    canvas.rect(60, 88, 86, 10, fill=p.ink)
    canvas.rect(86, 116, 34, 34, fill=p.light)
    canvas.rect(140, 142, 106, 70, fill=p.main)
    canvas.polygon((200, 142), (228, 142), (234, 100), (194, 100), fill=p.ink)
    canvas.rect(158, 128, 20, 12, fill=YELLOW)
    canvas.polygon((250, 200), (274, 222), (250, 222), fill=YELLOW)
    canvas.solid_wheel(100, 226, 32, fill=p.ink, hub=YELLOW)
    for x in (170, 222):
        canvas.solid_wheel(x, 236, 22, fill=p.ink, hub=YELLOW)
    canvas.polyline((100, 232), (170, 236), colour=YELLOW)


def horse(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.path("M86 138C66 142 62 168 68 186", colour=p.ink)
    canvas.filled_path(
        "M92 130C120 120 156 136 180 128L196 76L206 62L214 78C234 92 246 108 250 124"
        "C246 136 234 134 226 128L214 124C216 150 206 172 204 178L208 218H188L180 182"
        "C156 190 138 188 118 182L108 218H88C92 188 78 160 92 130",
        p.second,
    )
    canvas.path("M188 68C176 84 172 104 172 126", colour=p.ink)
    canvas.filled_circle(214, 98, 6, fill=p.light)
    canvas.polygon((122, 126), (162, 134), (158, 160), (126, 158), fill=p.main)
    canvas.polyline((70, 222), (232, 222), colour=p.main)
    for x in (96, 204):
        canvas.solid_wheel(x, 236, 22, fill=p.main)


def racer(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground(30, 290)
    canvas.polygon((44, 168), (40, 136), (74, 136), (88, 168), fill=p.ink)
    canvas.filled_circle(150, 142, 22, fill=YELLOW)
    canvas.polyline((154, 144), (178, 144))
    canvas.polygon((186, 164), (198, 138), (212, 166), fill=p.light)
    canvas.filled_path(
        "M42 206C42 174 62 166 98 164L136 162C196 162 264 174 280 206"
        "C280 214 272 218 264 218H54C46 218 42 214 42 206",
        p.main,
    )
    canvas.filled_circle(162, 190, 21, fill=p.light)
    canvas.polyline((162, 180), (162, 200))
    for x, radius in ((90, 40), (234, 36)):
        canvas.solid_wheel(x, 258 - radius, radius, fill=p.ink, hub=YELLOW)


def tractor(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground(40, 280)
    canvas.polyline((226, 134), (226, 88))
    canvas.polyline((86, 86), (82, 150))
    canvas.polyline((146, 86), (158, 146))
    canvas.polyline((74, 82), (156, 82), colour=p.main)
    canvas.polygon(
        (154, 138), (252, 138), (262, 150), (262, 200), (64, 200), (70, 152), fill=p.main
    )
    for y in (158, 176):
        canvas.polyline((230, y), (250, y), colour=YELLOW)
    canvas.filled_circle(108, 196, 62, fill=p.ink)
    canvas.filled_circle(108, 196, 38, fill=YELLOW)
    canvas.filled_circle(108, 196, 12, fill=p.ink)
    canvas.solid_wheel(232, 224, 34, fill=p.ink, hub=YELLOW)


def bus(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.filled_path("M62 82C62 70 68 66 80 66H242C254 66 260 74 260 86V228H62", p.main)
    for row, y in enumerate((86, 156)):
        for x in (80, 122, 164, 206):
            if row == 0 or x < 200:
                canvas.rect(x + 2, y, 26, 30, fill=p.light)
    canvas.rect(212, 156, 32, 68, fill=p.second)
    canvas.polyline((62, 138), (260, 138), colour=YELLOW)
    for x in (104, 186):
        canvas.solid_wheel(x, 230, 28, fill=p.ink, hub=YELLOW)


def tipper(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground(30, 290)
    for x, y in ((96, 92), (122, 80), (148, 76)):
        canvas.filled_circle(x, y, 17, fill=p.ink)
    canvas.polygon((46, 116), (172, 74), (182, 134), (82, 166), fill=YELLOW)
    canvas.polyline((82, 168), (96, 200))
    canvas.polyline((164, 146), (148, 200))
    canvas.polyline((62, 206), (282, 206))
    canvas.filled_path("M198 200V126H240L274 164V200", p.second)
    canvas.polygon((214, 142), (232, 142), (252, 164), (214, 164), fill=p.light)
    for x in (86, 146, 238):
        canvas.solid_wheel(x, 230, 28, fill=p.main)


def snail(canvas: SvgCanvas) -> None:
    p = canvas.palette
    canvas.ground()
    canvas.filled_path(
        "M58 212C96 214 120 206 196 206C216 204 212 164 218 140C224 118 262 124 262 150"
        "C262 192 248 214 222 214H58",
        YELLOW,
    )
    canvas.polyline((232, 124), (224, 92))
    canvas.polyline((250, 126), (260, 96))
    canvas.filled_circle(224, 90, 7, fill=p.ink)
    canvas.filled_circle(260, 94, 7, fill=p.ink)
    canvas.filled_circle(142, 138, 68, fill=p.main)
    canvas.path(
        "M142 138C142 128 156 128 156 142C156 160 124 160 124 136C124 108 172 106 176 140"
        "C178 174 112 184 104 136C98 98 142 84 166 96",
        colour=p.light,
    )
    for x in (106, 198):
        canvas.solid_wheel(x, 234, 24, fill=p.second)


DRAWINGS = {
    "TOY-DUCK-01": duck,
    "TOY-TRAIN-01": train,
    "TOY-HORSE-01": horse,
    "TOY-RACER-01": racer,
    "TOY-TRACTOR-01": tractor,
    "TOY-BUS-01": bus,
    "TOY-TIPPER-01": tipper,
    "TOY-SNAIL-01": snail,
}
