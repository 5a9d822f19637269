"""Renders templates/*.jinja and the lines of expressions.txt by Jinja2, set up as transformers
does, and writes expected.jsonl, which chat_template_test.cc compares with. Run by hand after a
change:
    python3 text/testdata/record_templates.py
Needs jinja2 (Debian: python3-jinja2); the tests do not."""
import datetime
import json
import pathlib

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent
NOW = 1753000000
TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a \"city\"",
    "parameters": {"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string"}, "unit": {"type": "string", "enum": ["c", "f"]},
        "days": {"type": ["integer", "null"], "minimum": 1.5}}}}}]
CALL = {"type": "function", "id": "abcdefghi", "function": {
    "name": "get_weather", "arguments": {"city": "Zürich", "days": 2, "deep": [True, None, 1e-7]}}}
CONVERSATIONS = {
    "one": [{"role": "user", "content": "Hello"}],
    "system": [{"role": "system", "content": " Be brief. "},
               {"role": "user", "content": "Hi\n there "},
               {"role": "assistant", "content": "Yes?"},
               {"role": "user", "content": "<b>x</b> & 'y' \"z\" é你\t"}],
    "thinking": [{"role": "user", "content": "a"},
                 {"role": "assistant", "content": "<think>\nhm\n</think>\n\nb"},
                 {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}],
    "tools": [{"role": "user", "content": "weather?"},
              {"role": "assistant", "content": "", "tool_calls": [CALL]},
              {"role": "tool", "tool_call_id": "abcdefghi", "content": "{\"t\": 20}"},
              {"role": "assistant", "content": "20 degrees"},
              {"role": "user", "content": "thanks"}],
    "parts": [{"role": "user",
               "content": [{"type": "text", "text": " look "}, {"type": "image"}]}],
    "twice": [{"role": "user", "content": "x"}, {"role": "user", "content": "y"}],
}


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def strftime_now(form):
    return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).strftime(form)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals.update(raise_exception=raise_exception, strftime_now=strftime_now)
    return env


def rendered(env, source, messages, **options):
    try:
        return {"text": env.from_string(source).render(
            messages=messages, documents=None, bos_token="<s>", eos_token="</s>", **options)}
    except Exception as error:  # what it says differs; that it refuses must not
        return {"error": type(error).__name__}


def main():
    env = environment()
    with open(HERE / "expected.jsonl", "w", encoding="utf8") as out:
        for path in sorted((HERE / "templates").glob("*.jinja")):
            for name, messages in CONVERSATIONS.items():
                for tools in (None, TOOLS):
                    for extra in ({"add_generation_prompt": True},
                                  {"add_generation_prompt": False, "enable_thinking": False}):
                        case = {"template": path.name, "messages": messages, "tools": tools,
                                "extra": extra}
                        case.update(rendered(env, path.read_text(encoding="utf8"), messages,
                                             tools=tools, **extra))
                        print(json.dumps(case, ensure_ascii=False), file=out)
        for line in (HERE / "expressions.txt").read_text(encoding="utf8").splitlines():
            if not line or line.startswith("##"):
                continue
            case = {"source": line.replace("⏎", "\n")}
            case.update(rendered(env, case["source"], CONVERSATIONS["tools"], tools=TOOLS,
                                 add_generation_prompt=True))
            print(json.dumps(case, ensure_ascii=False), file=out)


main()
