"""Modules of the page become one script."""

import pytest

from cartwheel.console.sessions.bundle import BundleError, bundle


def bundled(modules: dict[str, str], instead: dict[str, str] | None = None) -> str:
    return bundle("main.js", modules.__getitem__, instead=instead or {})


def test_what_a_module_imports_comes_before_it_and_once() -> None:
    found = bundled(
        {
            "main.js": 'import { one } from "./a.js";\nimport * as b from "./b.js";\none(b.two);\n',
            "a.js": 'import { two } from "./b.js";\nexport function one() { return two; }\n',
            "b.js": "export const two = 2;\n",
        }
    )

    assert found.index('modules["b.js"] =') < found.index('modules["a.js"] =')
    assert found.index('modules["a.js"] =') < found.index('modules["main.js"] =')
    assert found.count('modules["b.js"] =') == 1
    assert "export" not in found
    assert "import" not in found


def test_names_are_imported_under_other_names_and_over_several_lines() -> None:
    found = bundled(
        {
            "main.js": 'import {\n  one as first,\n  Two,\n} from "./parts/a.js";\nfirst(Two);\n',
            "parts/a.js": 'import "../c.js";\nexport async function one() {}\nexport class Two {}',
            "c.js": "start();\n",
        }
    )

    assert "one: first" in found
    assert "return {one, Two};" in found
    assert found.index("start();") < found.index('modules["parts/a.js"] =')


def test_one_module_takes_the_place_of_another() -> None:
    found = bundled(
        {
            "main.js": 'import { open } from "./live.js";\nopen();',
            "saved.js": "export const open = 1;",
        },
        {"live.js": "saved.js"},
    )

    assert 'const { open } = modules["saved.js"];' in found


@pytest.mark.parametrize(
    ("modules", "problem"),
    [
        ({"main.js": "export default 1;"}, "main.js: this form is not known: export default 1;"),
        ({"main.js": 'const x = import("./a.js");'}, "this form is not known"),
        ({"main.js": "export let x = 1;"}, "this form is not known"),
        (
            {"main.js": 'import "./a.js";', "a.js": 'import "./main.js";'},
            "modules import each other: main.js → a.js → main.js",
        ),
        ({"main.js": 'const x = "</script>";'}, "an end of a script"),
    ],
)
def test_what_it_does_not_know_is_refused(modules: dict[str, str], problem: str) -> None:
    with pytest.raises(BundleError, match=problem):
        bundled(modules)


def test_a_type_in_a_comment_is_no_import() -> None:
    assert "import(" in bundled({"main.js": '/** @type {import("./a.js").A} */\nrun();'})
