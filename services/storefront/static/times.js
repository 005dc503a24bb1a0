// Shows times in the visitor's time zone. Without this script they are in UTC.

const FORMATS = {
  day: { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" },
  time: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
};

function showLocalTimes() {
  for (const time of document.querySelectorAll("time[data-time]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.textContent = new Intl.DateTimeFormat("en-GB", FORMATS[time.dataset.time]).format(moment);
    time.removeAttribute("data-time");
  }
}

showLocalTimes();
document.addEventListener("cartwheel:fresh", showLocalTimes);
