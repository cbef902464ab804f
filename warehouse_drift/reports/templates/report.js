"use strict";
(function () {
  var specs = JSON.parse(document.getElementById("specs").textContent);
  var number = function (text) { return text === undefined || text === "" ? null : Number(text); };
  var raw = function (cell) { return cell.dataset.v === undefined ? cell.textContent.trim() : cell.dataset.v; };

  /* ---- sorting: a button in each head that says its type ---- */
  document.querySelectorAll("table.sortable").forEach(function (table) {
    var heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, at) {
      if (!head.dataset.type) { return; }
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(function (h) { h.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        var keyed = Array.from(table.tBodies[0].rows).map(function (row) {
          var value = raw(row.cells[at]);
          return { row: row, empty: value === "" || value === "–", value: head.dataset.type === "number" ? Number(value) : value.toLowerCase() };
        });
        keyed.sort(function (a, b) {
          if (a.empty !== b.empty) { return a.empty ? 1 : -1; }
          var order = typeof a.value === "number" ? a.value - b.value : a.value.localeCompare(b.value);
          return down ? -order : order;
        });
        table.tBodies[0].append.apply(table.tBodies[0], keyed.map(function (k) { return k.row; }));
      });
    });
  });

  /* ---- filter: the table's rows and the sections together ---- */
  var rows = Array.from(document.querySelectorAll("#all tbody tr"));
  var find = document.getElementById("find");
  var decision = document.getElementById("by-decision");
  var monitor = document.getElementById("by-monitor");
  var shown = document.getElementById("shown");
  function filter() {
    var text = find.value.trim().toLowerCase(), n = 0;
    rows.forEach(function (row) {
      var fits = row.dataset.name.indexOf(text) >= 0
        && (!decision.value || row.dataset.decision === decision.value)
        && (!monitor || !monitor.value || row.dataset.monitor === monitor.value);
      row.hidden = !fits;
      document.getElementById(row.dataset.section).hidden = !fits;
      n += fits ? 1 : 0;
    });
    shown.textContent = n + " of " + rows.length + " shown";
  }
  find.form.addEventListener("submit", function (event) { event.preventDefault(); });
  [find, decision, monitor].forEach(function (field) {
    if (field) { field.addEventListener("input", filter); }
  });
  filter();

  /* ---- charts: drawn when their section is opened, from the table that stands beside them ---- */
  function binRows(table) {
    return Array.from(table.tBodies[0].rows).map(function (row) {
      var c = row.cells;
      return { bin: c[0].textContent, reference: number(c[1].dataset.v), now: number(c[2].dataset.v), part: number(c[4].dataset.v) };
    });
  }
  var readers = {
    distribution: function (table) {
      return binRows(table).flatMap(function (b) {
        return [{ bin: b.bin, side: "Reference", share: b.reference }, { bin: b.bin, side: "Now", share: b.now }];
      });
    },
    contribution: function (table) {
      return binRows(table).filter(function (b) { return b.part >= 0.005; })
        .sort(function (a, b) { return b.part - a.part; }).slice(0, 12)
        .map(function (b) { return { bin: b.bin, part: b.part, way: b.now > b.reference ? "more rows now" : "fewer rows now" }; });
    },
    history: function (table) {
      return Array.from(table.tBodies[0].rows).map(function (row) {
        var c = row.cells;
        return { at: c[0].textContent, value: number(c[1].dataset.v), warn: number(c[2].dataset.v), alert: number(c[3].dataset.v),
          decision: c[4].firstChild.textContent.trim(), band_lower: number(row.dataset.low), band_upper: number(row.dataset.high) };
      });
    }
  };
  function draw(section) {
    if (!window.vegaEmbed) { return; }
    section.querySelectorAll("figure[data-chart]").forEach(function (figure) {
      if (figure.dataset.drawn) { return; }
      figure.dataset.drawn = "yes";
      var kind = figure.dataset.chart, values = readers[kind](document.getElementById(figure.dataset.table));
      if (!values.length) { figure.hidden = true; return; }
      var spec = Object.assign({}, specs[kind], { datasets: { rows: values } });
      if (spec.layer) { /* without a band or a limit there is nothing to draw of it */
        spec.layer = spec.layer.filter(function (layer) {
          var field = layer.encoding.y.field;
          return values.some(function (v) { return v[field] !== null; });
        });
        if (!spec.layer.length) { figure.hidden = true; return; }
      }
      var place = document.createElement("div");
      place.setAttribute("role", "img");
      place.setAttribute("aria-label", figure.querySelector("figcaption").textContent + " (the numbers are in the table below)");
      place.append(document.createElement("div")); /* Vega gives its own element another role */
      figure.append(place);
      if (kind === "contribution") { spec.height = 18 * values.length; }
      if (figure.dataset.unit === "share") {
        spec.config = Object.assign({}, spec.config, { axisY: { format: ".1%" } });
      }
      window.vegaEmbed(place.firstChild, spec, { actions: false, renderer: "svg", ast: true, tooltip: false }).catch(function (error) {
        console.error("chart " + kind + ": " + error.message);
      });
    });
  }
  document.querySelectorAll("details.column").forEach(function (section) {
    section.addEventListener("toggle", function () { if (section.open) { draw(section); } });
    if (section.open) { draw(section); }
  });
  function follow() {
    var target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") {
      target.hidden = false;
      target.open = true;
      draw(target);
      target.scrollIntoView();
      target.querySelector("summary").focus({ preventScroll: true });
    }
  }
  window.addEventListener("hashchange", follow);
  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("a[href^='#c']");
    if (link && link.getAttribute("href") === location.hash) { follow(); }
  });
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details.column[open] details.inner").forEach(function (d) { d.open = true; });
  });
  follow();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
