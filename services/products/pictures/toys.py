"""Pictures of toys on wheels."""

from services.products.pictures.pen import Palette, Pen

PALETTE = Palette(tile="#FFF3DA", shade="#F3DCA8", ink="#24324A", main="#D8432F", second="#2F6FB5")
YELLOW = "#F2B02E"


def duck(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.solid(
        "M76 140C92 168 112 156 140 150C150 134 146 124 146 108C146 74 208 68 214 108"
        "C216 130 206 136 214 154C222 190 190 212 150 212C104 212 72 190 76 140",
        YELLOW,
    )
    pen.plate((216, 104), (248, 112), (216, 122), fill=p.main)
    pen.disc(188, 104, 7, fill=p.ink)
    pen.curve("M118 172C134 192 158 190 172 172")
    pen.box(82, 214, 140, 8, fill=p.main)
    pen.curve("M226 216C256 216 262 196 280 196")
    for x in (112, 194):
        pen.roller(x, 234, 24, fill=p.second)


def train(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.box(70, 100, 66, 112, fill=p.second)
    pen.box(60, 88, 86, 10, fill=p.ink)
    pen.box(86, 116, 34, 34, fill=p.light)
    pen.box(140, 142, 106, 70, fill=p.main)
    pen.plate((200, 142), (228, 142), (234, 100), (194, 100), fill=p.ink)
    pen.box(158, 128, 20, 12, fill=YELLOW)
    pen.plate((250, 200), (274, 222), (250, 222), fill=YELLOW)
    pen.roller(100, 226, 32, fill=p.ink, hub=YELLOW)
    for x in (170, 222):
        pen.roller(x, 236, 22, fill=p.ink, hub=YELLOW)
    pen.line((100, 232), (170, 236), colour=YELLOW)


def horse(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.curve("M86 138C66 142 62 168 68 186", colour=p.ink)
    pen.solid(
        "M92 130C120 120 156 136 180 128L196 76L206 62L214 78C234 92 246 108 250 124"
        "C246 136 234 134 226 128L214 124C216 150 206 172 204 178L208 218H188L180 182"
        "C156 190 138 188 118 182L108 218H88C92 188 78 160 92 130",
        p.second,
    )
    pen.curve("M188 68C176 84 172 104 172 126", colour=p.ink)
    pen.disc(214, 98, 6, fill=p.light)
    pen.plate((122, 126), (162, 134), (158, 160), (126, 158), fill=p.main)
    pen.line((70, 222), (232, 222), colour=p.main)
    for x in (96, 204):
        pen.roller(x, 236, 22, fill=p.main)


def racer(pen: Pen) -> None:
    p = pen.palette
    pen.ground(30, 290)
    pen.solid(
        "M44 204C44 172 64 164 100 162L136 160C196 160 262 172 278 206C278 214 270 216 262 216H56C48 216 44 212 44 204",
        p.main,
    )
    pen.plate((48, 168), (44, 140), (72, 140), (84, 164), fill=p.ink)
    pen.disc(152, 148, 22, fill=YELLOW)
    pen.curve("M148 150H178", colour=p.ink)
    pen.plate((184, 160), (198, 142), (206, 164), fill=p.light)
    pen.disc(164, 188, 20, fill=p.light)
    pen.line((164, 178), (164, 198))
    for x, radius in ((92, 38), (232, 34)):
        pen.roller(x, 258 - radius, radius, fill=p.ink, hub=YELLOW)


def tractor(pen: Pen) -> None:
    p = pen.palette
    pen.ground(40, 280)
    pen.line((222, 136), (222, 90))
    pen.box(154, 138, 104, 58, fill=p.main)
    pen.line((78, 84), (150, 84), colour=p.main)
    pen.line((88, 84), (84, 150))
    pen.line((142, 84), (154, 150))
    pen.plate((70, 148), (154, 140), (160, 196), (70, 196), fill=p.main)
    for y in (156, 172):
        pen.line((232, y), (250, y), colour=YELLOW)
    pen.disc(110, 196, 62, fill=p.ink)
    pen.disc(110, 196, 38, fill=YELLOW)
    pen.disc(110, 196, 12, fill=p.ink)
    pen.roller(232, 226, 32, fill=p.ink, hub=YELLOW)


def bus(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.solid("M62 82C62 70 68 66 80 66H242C254 66 260 74 260 86V228H62", p.main)
    for row, y in enumerate((86, 156)):
        for x in (80, 122, 164, 206):
            if row == 0 or x < 200:
                pen.box(x + 2, y, 26, 30, fill=p.light)
    pen.box(212, 156, 32, 68, fill=p.second)
    pen.line((62, 138), (260, 138), colour=YELLOW)
    for x in (104, 186):
        pen.roller(x, 230, 28, fill=p.ink, hub=YELLOW)


def tipper(pen: Pen) -> None:
    p = pen.palette
    pen.ground(30, 290)
    pen.plate((40, 112), (172, 68), (182, 132), (76, 170), fill=YELLOW)
    pen.line((176, 132), (140, 196))
    pen.line((64, 206), (280, 206))
    pen.solid("M196 200V128H238L272 164V200", p.second)
    pen.plate((212, 142), (232, 142), (250, 164), (212, 164), fill=p.light)
    for x in (88, 146, 238):
        pen.roller(x, 230, 28, fill=p.main)


def snail(pen: Pen) -> None:
    p = pen.palette
    pen.ground()
    pen.solid(
        "M58 212C96 214 120 206 196 206C216 204 212 164 218 140C224 118 262 124 262 150"
        "C262 192 248 214 222 214H58",
        YELLOW,
    )
    pen.line((232, 124), (224, 92))
    pen.line((250, 126), (260, 96))
    pen.disc(224, 90, 7, fill=p.ink)
    pen.disc(260, 94, 7, fill=p.ink)
    pen.disc(142, 138, 68, fill=p.main)
    pen.curve(
        "M142 138C142 128 156 128 156 142C156 160 124 160 124 136C124 108 172 106 176 140"
        "C178 174 112 184 104 136C98 98 142 84 166 96",
        colour=p.light,
    )
    for x in (106, 198):
        pen.roller(x, 234, 24, fill=p.second)


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
