// The style sheet of the page. Two sets of colours; verdicts are told apart by word and shape too,
// so colour is never the only sign.
#include "report/html_parts.h"

namespace aisp::report {

const char* const kStyle = R"css(
:root{color-scheme:light dark;
--bg:#fbfbfa;--panel:#fff;--ink:#1c2024;--soft:#5b6470;--line:#e2e4e8;--hover:#f3f5f7;
--accent:#2457a6;--band:#e4e7ec;--faster:#0b7a5c;--slower:#b4540a;--equal:#56616f;
--open:#8a6d00;--odd:#7a3fa0;--bad:#b3261e;--base:#6b7684;--roof:#3d4754}
@media(prefers-color-scheme:dark){:root{
--bg:#14171a;--panel:#1b1f24;--ink:#e6e9ed;--soft:#9aa5b1;--line:#2d333b;--hover:#222830;
--accent:#8ab4f8;--band:#2f3640;--faster:#4cc9a0;--slower:#f0a050;--equal:#a7b2bf;
--open:#d9bd55;--odd:#c79be8;--bad:#ff8a80;--base:#8d98a6;--roof:#b5bfca}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header,footer,nav{max-width:1290px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
h1{font-size:26px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:20px;margin:44px 0 6px;letter-spacing:-.01em;overflow-wrap:anywhere}
h3{font-size:16px;margin:0;overflow-wrap:anywhere}
p{margin:4px 0 10px}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
code,pre,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
font-size:.92em}
code,dd,td,p,li{overflow-wrap:anywhere}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--hover);border-radius:6px;
padding:10px 12px;margin:6px 0;max-height:24em;overflow:auto}
small,.muted{color:var(--soft);font-size:13px}
.hidden,.skip{position:absolute;left:-9999px}.skip:focus{left:12px;top:8px}
.facts{display:flex;flex-wrap:wrap;gap:2px 22px;margin:10px 0 0;padding:0;color:var(--soft);
font-size:14px}
.facts div{display:flex;gap:6px;min-width:0}.facts dt{flex:none}
.facts dd{margin:0;color:var(--ink);min-width:0}
.notice{border-left:4px solid var(--bad);background:var(--panel);padding:8px 12px;margin:10px 0;
border-radius:0 6px 6px 0}
.tally{display:flex;height:12px;border-radius:6px;overflow:hidden;gap:2px;margin:18px 0 10px}
.tally span{background:var(--c);min-width:4px}
.chips{display:flex;flex-wrap:wrap;gap:6px 18px;list-style:none;margin:0;padding:0}
.chips li::before{content:"";display:inline-block;width:10px;height:10px;border-radius:3px;
background:var(--c);margin-right:7px}
.chips b{font-variant-numeric:tabular-nums}
nav ul{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;margin:18px 0 0;padding:10px 0;
border-top:1px solid var(--line);border-bottom:1px solid var(--line);font-size:14px}
.panel{background:var(--panel);border:1px solid var(--line);border-radius:10px;margin:14px 0;
padding:16px 18px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;font-weight:500;color:var(--soft);font-size:12.5px;white-space:nowrap;
vertical-align:bottom}
th,td{padding:7px 14px 7px 0;border-bottom:1px solid var(--line)}
td{vertical-align:top}
th:last-child,td:last-child{padding-right:0}
tbody tr:last-child>*{border-bottom:0}
tbody tr:hover{background:var(--hover)}
tbody th{font-weight:600;color:var(--ink);font-size:14px;white-space:normal;vertical-align:top}
.num{font-variant-numeric:tabular-nums;white-space:nowrap}
td small,th small{display:block;font-weight:400}
table.grid td{white-space:nowrap}
.verdict{font-weight:600;color:var(--c);white-space:nowrap}
table.cards td:last-child{min-width:112px}
.label{display:inline-block;border:1px solid var(--line);border-radius:9px;padding:0 7px;
font-size:12px;color:var(--soft);margin:2px 4px 0 0}
.meter{display:block;width:74px;height:6px;border-radius:3px;background:var(--band);margin-top:5px;
overflow:hidden}
.meter i{display:block;height:100%;background:var(--roof);border-radius:3px}
.faster{--c:var(--faster)}.slower{--c:var(--slower)}.equivalent{--c:var(--equal)}
.inconclusive{--c:var(--open)}.noisy,.unchecked{--c:var(--odd)}
.wrong,.impossible,.failed{--c:var(--bad)}.baseline,.skipped{--c:var(--base)}
details{margin-top:12px}summary{cursor:pointer;color:var(--soft);font-size:13.5px}
svg{display:block}svg text{fill:var(--soft);font-size:11px}
.axis path{stroke:var(--soft)}
.interval .band{fill:var(--band)}.interval .one{stroke:var(--soft);stroke-width:1}
.interval .reach{stroke:var(--c);stroke-width:2;opacity:.35}
.interval .bar{fill:var(--c);opacity:.55}.interval .dot{fill:var(--c)}
.interval .open{fill:none;stroke:var(--c);stroke-width:2}
.strip .bins{fill:var(--equal)}.strip .ground{stroke:var(--line)}
.strip .median{stroke:var(--accent);stroke-width:1;stroke-dasharray:2 2}
figure{margin:0}figcaption{color:var(--soft);font-size:13px;margin-top:6px}
.roofline{width:100%;min-width:680px;height:auto}
.roofline text{font-size:12px}.roofline .name{font-size:13px}
.roofline .grid{stroke:var(--line)}
.roofline .roof{stroke:var(--roof);stroke-width:1.6;fill:none}
.roofline .lesser{stroke-width:1;opacity:.55}
.roofline .other{stroke-dasharray:5 4;opacity:.6}
.roofline .label{fill:var(--ink);font-size:11.5px;paint-order:stroke;stroke:var(--panel);
stroke-width:3px}
.roofline .label tspan{fill:var(--soft)}
.roofline .stem{stroke:var(--soft);stroke-width:1;opacity:.35}
.roofline .number{fill:var(--ink);font-weight:600}
.point circle,.point path{fill:var(--c);stroke:var(--panel);stroke-width:1.2}
.point.baseline circle{fill:none;pointer-events:all;stroke:var(--roof);stroke-width:2}
.point.peer circle,.point.peer path{stroke:var(--ink)}
.point:hover circle,.point:hover path,.point:focus circle,.point:focus path{stroke:var(--ink);
stroke-width:2.2}
ol.cases{columns:300px;column-gap:44px;font-size:13.5px;margin:10px 0 0;padding-left:26px}
.columns{display:grid;gap:22px 40px;
grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr))}
.environment th{width:11em;font-weight:400;color:var(--soft)}
footer{padding:30px 20px 40px;color:var(--soft);font-size:13px}
@media(max-width:820px){
main,header,footer,nav{padding-left:14px;padding-right:14px}
.panel{padding:12px 13px}
table.cards,table.cards tbody,table.cards tr,table.cards td,table.cards tbody th{display:block;
width:auto}
table.cards thead{position:absolute;left:-9999px}
table.cards tr{display:flex;flex-direction:column;border-bottom:1px solid var(--line);padding:9px 0}
table.cards tbody th{order:-2}table.cards .judged{order:-1}
table.cards tr:last-child{border-bottom:0}
table.cards th,table.cards td{border:0;padding:2px 0}
table.cards td[data-name]{display:grid;grid-template-columns:92px minmax(0,1fr);gap:8px}
table.cards td[data-name]::before{content:attr(data-name);color:var(--soft);font-size:13px}
table.cards td:empty{display:none}
table.cards td:last-child{min-width:0}
svg.interval{max-width:100%}}
@media print{body{background:#fff}.panel{break-inside:avoid}nav,.skip{display:none}}
)css";

}  // namespace aisp::report
