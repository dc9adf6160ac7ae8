// Every word of the meeting room, of the minutes, of the predictions and of "My course": English, then Korean (the
// headings of the minutes are the study group's own).
const ROOM = {
  // the frame
  room: ["Room", "회의실"], guess: ["My guess", "내 예측"], minutes: ["Minutes", "회의록"],
  leader: ["Leader's window", "진행자 창"], language: ["한국어", "English"],
  english: ["The questions are in English.", "질문은 영어로 되어 있습니다."],
  forgets: [
    "This browser keeps nothing here (storage is full or forbidden). The room works until you close this tab: export the minutes before.",
    "브라우저에 저장할 수 없습니다(저장 공간이 가득 찼거나 저장이 차단됨). 이 탭을 닫기 전까지는 쓸 수 있으니, 닫기 전에 회의록을 내보내세요.",
  ],
  damaged: [
    "What this browser had kept could not be read. It was put aside unchanged, and the room starts empty.",
    "저장된 내용을 읽을 수 없어 그대로 따로 보관했고, 회의실은 빈 상태로 시작합니다.",
  ],
  missing: ["The pages of this meeting could not be loaded. Try again when you are online.", "이 회의의 자료를 불러오지 못했습니다. 인터넷에 연결한 뒤 다시 시도하세요."],
  // before the meeting
  choose: ["Meeting", "회의"], length: ["Length", "회의 시간"], forty: ["40 minutes", "40분"], twenty: ["20 minutes", "20분"],
  names: ["Names, with commas between them (1 to 8)", "이름(쉼표로 구분, 1~8명)"],
  fewNames: ["Write between one and eight names.", "이름을 1명 이상 8명 이하로 적으세요."],
  roles: ["Roles", "역할"], lead: ["lead", "진행"], drive: ["drive", "화면 공유"], write: ["write", "기록"], time: ["keep time", "시간 관리"],
  turn: ["Next roles", "다음 역할"], before: ["Before you meet", "회의 전 준비"], start: ["Start the meeting", "회의 시작"],
  oneLaptop: [
    "One laptop holds the meeting: the writer's. It shows the Room, takes the lines and exports the minutes. Everybody else opens only My guess.",
    "회의는 기록 담당의 컴퓨터 한 대로 진행합니다. 이 컴퓨터에서 회의실을 보여 주고, 예측 줄을 모으고, 회의록을 내보냅니다. 다른 팀원은 ‘내 예측’만 엽니다.",
  ],
  invite: ["Everybody else opens", "다른 팀원은 이 주소를 엽니다"],
  goOn: ["Go on with the meeting", "회의 계속하기"],
  lastWeek: ["Last week's minutes (a file): brings names, roles, bets and tasks", "지난 회의록 파일: 이름, 역할, 내기, 할 일을 가져옵니다"],
  imported: ["Taken from {0}. Bets: {1}, tasks: {2}, open questions: {3}.", "{0}에서 가져왔습니다. 내기 {1}개, 할 일 {2}개, 남은 질문 {3}개."],
  notImported: ["Nothing was taken from {0}, and nothing here was changed:", "{0}에서 가져온 것이 없으며, 기존 내용은 그대로입니다:"],
  forget: ["Delete everything kept here", "저장된 내용 모두 지우기"], sure: ["Really delete all meetings in this browser?", "이 브라우저에 저장된 회의를 모두 지울까요?"],
  // the clock and the steps
  next: ["Next", "다음"], back: ["Back", "이전"], more: ["Two minutes more", "2분 더"], setup: ["Set up", "설정"],
  left: ["left", "남음"], over: ["over", "초과"], soon: ["One minute left", "1분 남았습니다"], up: ["Time is up", "시간이 다 되었습니다"],
  total: ["minute {0} of {1}", "{1}분 중 {0}분째"], step: ["Step {0} of {1}", "{1}단계 중 {0}단계"],
  question: ["Question {0}", "질문 {0}"], behind: ["ends {0} min late", "{0}분 늦게 끝날 예정"], ahead: ["ends {0} min early", "{0}분 일찍 끝날 예정"], onTime: ["on time", "제시간에 끝날 예정"],
  rows: ["The plan: make a row shorter or longer", "진행표: 단계 시간 줄이기와 늘리기"], shorter: ["One minute less", "1분 줄이기"], longer: ["One minute more", "1분 늘리기"], minutesOf: ["{0} min", "{0}분"],
  finish: ["To the minutes", "회의록으로"], prompt: ["Prompt {0}", "예측 문제 {0}"],
  // sealed guesses
  paste: ["Lines from the call's chat", "채팅에서 복사한 예측 줄"], take: ["Take these lines", "예측 줄 등록"],
  sealed: ["Sealed: {0} of {1}", "{1}명 중 {0}명 제출(비공개)"], waiting: ["Still to come: {0}", "아직 제출하지 않은 사람: {0}"],
  reveal: ["Reveal", "공개"], aloud: ["We guessed aloud: reveal", "말로 예측했으니 바로 공개"], without: ["Reveal without the missing ones", "제출하지 않은 사람은 빼고 공개"],
  notTaken: ["Not taken, and kept here:", "등록하지 못한 줄(여기에 남겨 둠):"], drop: ["Drop this line", "이 줄 버리기"],
  noPrompt: ["does not begin with a prompt of this meeting, such as {0}", "이 회의의 문제 번호(예: {0})로 시작하지 않습니다"],
  noName: ["has no name after the first semicolon", "첫 세미콜론 뒤에 이름이 없습니다"],
  few: ["a part is missing ({0} of {1} are there)", "답이 {0}개뿐입니다({1}개 필요)"], many: ["has {0} parts where {1} are wanted", "답이 {0}개입니다({1}개 필요)"],
  noNumber: ["part {1}, {0}, is no number", "{1}번째 답 ‘{0}’: 숫자가 아닙니다"], noNumberSealed: ["part {1} is no number", "{1}번째 답이 숫자가 아닙니다"],
  noWhole: ["part {1}, {0}, is no whole number", "{1}번째 답 ‘{0}’: 정수가 아닙니다"], noWholeSealed: ["part {1} is no whole number", "{1}번째 답이 정수가 아닙니다"],
  noRange: ["part {1}, {0}, is not from {2} to {3}", "{1}번째 답 ‘{0}’: {2}에서 {3} 사이가 아닙니다"], noRangeSealed: ["part {1} is not from {2} to {3}", "{1}번째 답이 {2}에서 {3} 사이가 아닙니다"],
  noWord: ["part {1}, {0}, is none of: {2}", "{1}번째 답 ‘{0}’: 선택지에 없습니다. 선택지: {2}"],
  noWordSealed: ["part {1} is none of: {2}", "{1}번째 답이 선택지에 없습니다. 선택지: {2}"],
  already: ["{0} is revealed: paste the line there, under “Late or corrected line”", "{0}: 이미 공개된 문제입니다. 그 문제의 ‘늦게 오거나 고친 줄’에 붙여 넣으세요"],
  stranger: ["{0} is not in this group: add, or whose line is it?", "{0}: 팀원 명단에 없는 이름입니다. 추가할까요, 아니면 다른 팀원의 줄인가요?"],
  itIs: ["{0}’s", "{0}의 줄"], addName: ["Add {0}", "{0} 추가"], keptFor: ["Kept for prompt {0}: {1}.", "예측 문제 {0}에 보관: {1}."],
  refusedFor: ["Not taken, and kept at prompt {0}: {1}.", "예측 문제 {0}에서 등록하지 못해 남겨 둠: {1}."],
  lateLine: ["Late or corrected line", "늦게 오거나 고친 줄"], lateRule: ["A line that comes or changes after the reveal is marked late and has no points.", "공개 뒤에 오거나 바뀐 줄은 ‘늦음’으로 표시되고 점수가 없습니다."], late: ["late", "늦음"],
  name: ["name", "이름"], guessed: ["guess", "예측"], points: ["points", "점수"], nobody: ["No written guesses.", "적어 둔 예측이 없습니다."],
  counts: ["Each part of a guess that fits what counts is a point.", "맞힌 항목마다 1점입니다."], count: ["what counts", "정답"],
  decide: ["Where a dash stands, agree on the points by the claims.", "–로 표시된 항목은 측정된 주장을 보고 함께 점수를 정하세요."],
  nearOwn: ["within {0} of your own count", "직접 센 수와 {0} 이내"], own: ["own count", "직접 센 수"], ownOf: ["What {0} counted", "직접 센 수: {0}"],
  ownFirst: ["Count, each alone, and enter your own counts: they decide.", "각자 따로 세어 직접 센 수를 적으세요. 그 수가 기준입니다."],
  addTo: ["points for the dashes", "–로 표시된 항목의 점수"], added: ["Points that you give {0}", "{0}에게 주는 점수"], guesses: ["Guesses and points", "예측과 점수"],
  revealAnswer: ["Reveal the chapter's table", "이 장의 표 공개"], grade: ["grade", "판정"], right: ["right", "맞음"], partly: ["partly", "일부만 맞음"], wrong: ["wrong", "틀림"], graded: ["What we graded", "우리의 판정"],
  saw: ["What we saw", "우리가 본 것"], answered: ["What we answered", "우리의 답"], measured: ["What the chapter measured", "이 장에서 측정한 것"], inChapter: ["In the chapter", "이 장에서 보기"],
  lowest: ["at least {0}", "{0} 이상"], highest: ["at most {0}", "{0} 이하"], upTo: ["{0} to {1}", "{0}~{1}"],
  mine: ["Write your guess", "예측을 적으세요"], yourName: ["Your name", "내 이름"], yourLine: ["Your line for the call's chat", "채팅에 붙여 넣을 줄"],
  fill: ["Fill in your name and every part, then your line appears here.", "이름과 모든 칸을 채우면 여기에 줄이 나타납니다."],
  wantsNumber: ["{0}: write a number.", "{0}: 숫자로 적으세요."], wantsWhole: ["{0}: write a whole number.", "{0}: 정수로 적으세요."],
  wantsRange: ["{0}: write a number from {1} to {2}.", "{0}: {1}에서 {2} 사이의 숫자로 적으세요."],
  copy: ["Copy", "복사"], copied: ["Copied", "복사했습니다"], pick: ["choose", "선택하세요"],
  // bets, tasks, sentences
  bets: ["Bets", "내기"], bet: ["{0} bets on", "{0}의 내기"], paid: ["Points of {0}", "{0}의 점수"], fromMeeting: ["from meeting {0}", "회의 {0}"],
  tasks: ["Tasks", "할 일"], owner: ["Who", "담당자"], what: ["What", "내용"], when: ["Until", "기한"], add: ["Add", "추가"], remove: ["Remove", "지우기"],
  lastTasks: ["Tasks from last time", "지난 회의에서 정한 할 일"],
  open: ["Questions that stay open", "남은 질문"], home: ["To take home", "다음 회의까지 할 것"],
  sentence: ["The sentence of {0}", "{0}의 한마디"], sentences: ["Said before we looked", "결과를 보기 전에 한 말"],
  // minutes
  title: ["Minutes of meeting {0}", "회의록 {0}"], date: ["Date", "날짜"], plan: ["Plan", "계획"], how: ["How we met", "회의방법"],
  members: ["Members", "팀원"], results: ["Results", "결과"], goal: ["Goal", "목표"], result: ["Result", "결과"],
  problems: ["Problems", "문제점"], remedies: ["Possible solutions", "해결 방안"], code: ["Code or log", "코드와 로그"],
  kind: ["Nothing to report?", "보고할 내용이 없나요?"], none: ["(choose a line)", "(한 줄 선택)"],
  read: ["I read along.", "함께 읽었습니다."], noTime: ["I had no time, and I am still with you.", "시간이 없었지만 함께합니다."],
  stuck: ["I am stuck, and would like somebody to sit down with me for ten minutes.", "막혔습니다. 10분만 같이 봐 주시면 좋겠습니다."],
  predictions: ["Predictions", "예측"], exportAs: ["Export as Markdown", "마크다운으로 내보내기"], asText: ["The minutes as Markdown", "마크다운 회의록"],
  noTitle: ["line 1: no heading '# Minutes of meeting N'", "1번째 줄: '# 회의록 N' 제목이 없습니다"],
  noPart: ["no part '## {0}'", "'## {0}' 항목이 없습니다"], oddLine: ["line {0}, in {1}: {2}", "{0}번째 줄({1}): {2}"],
  tooBig: ["this is no text file of minutes (larger than 1 MB, or not text)", "회의록 텍스트 파일이 아닙니다(1MB 초과이거나 텍스트가 아님)"],
  // the leader's window
  notes: ["Notes", "진행자 메모"], comes: ["What comes next", "다음 순서"], noRoom: ["Waiting for the room: start a meeting in the other window. Is the room on another machine? Then follow by hand.", "회의실을 기다립니다. 다른 창에서 회의를 시작하세요. 회의실이 다른 기기에 있다면 직접 넘기세요."],
  notesLater: ["Notes: open after the reveal", "진행자 메모: 공개한 뒤에 여세요"],
  byHand: ["Follow by hand", "직접 넘기기"],
};
const COURSE = {
  guess: ["Your guess", "내 예측"], sure: ["How sure are you?", "얼마나 확신하나요?"], pick: ["choose", "선택하세요"],
  have: ["I have my guess", "예측했습니다"], skip: ["Skip", "건너뛰기"], empty: ["Write a guess first, or skip.", "먼저 예측을 적거나 건너뛰세요."],
  yours: ["Your guess", "내 예측"], skipped: ["Skipped.", "건너뛰었습니다."], change: ["Change", "바꾸기"],
  forgets: ["This browser keeps nothing: your answers last until you leave the page.", "브라우저에 저장할 수 없습니다. 페이지를 떠나면 답이 사라집니다."],
  askFirst: ["Ask me first", "먼저 물어보기"], folded: ["Folded until you have guessed.", "예측할 때까지 접어 둡니다."],
  chapters: ["Chapters", "장"], chapter: ["chapter", "장"], readOn: ["read to its end", "끝까지 읽은 날"], predictions: ["Predictions", "예측"], exercises: ["exercises opened", "열어 본 연습 문제"],
  quizzes: ["Quizzes", "퀴즈"], quiz: ["quiz", "퀴즈"], firstTry: ["right at the first try", "첫 시도 정답"], leftOver: ["questions left", "남은 문항"],
  noneYet: ["None yet. Every Predict box in a chapter takes one.", "아직 없습니다. 각 장의 예측 상자에 적을 수 있습니다."],
  verdict: ["Was it right?", "맞았나요?"], right: ["right", "맞음"], partly: ["partly", "일부만 맞음"], wrong: ["wrong", "틀림"], there: ["Look there", "해당 부분 보기"],
  calibration: ["How well you know what you know", "내 확신은 얼마나 정확한가"],
  calibrationSays: ["Across: how sure you were. Up: how often you were right. On the line, both agree.", "가로: 확신한 정도. 세로: 맞은 비율. 선 위에서는 둘이 같습니다."],
  noCalibration: ["Say how sure you are when you guess, and afterwards whether it was right: then a picture stands here.", "예측할 때 확신 정도를, 나중에 맞았는지를 적으면 여기에 그림이 나타납니다."],
  pointOf: ["{0} % sure: {1} % right, of {2}.", "{0}% 확신: {2}개 중 {1}% 맞음."],
  keep: ["Keep it, move it, delete it", "보관, 옮기기, 지우기"], save: ["Export as a file", "파일로 내보내기"], load: ["Import a file", "파일 가져오기"],
  erase: ["Delete everything", "모두 지우기"], sureDelete: ["Delete everything that this browser keeps about your course?", "이 브라우저에 저장된 학습 기록을 모두 지울까요?"],
  deleted: ["Deleted.", "지웠습니다."], taken: ["Taken from {0}. What was here already stayed.", "{0}에서 가져왔습니다. 이미 있던 내용은 그대로입니다."],
  notTaken: ["Nothing was taken from {0}, and nothing was changed: {1}", "{0}에서 가져온 것이 없으며, 바뀐 것도 없습니다: {1}"], notOurs: ["it is no export of this course", "이 강의에서 내보낸 파일이 아닙니다"],
};
const LANGUAGES = ["en", "ko"];
let column = Math.max(0, LANGUAGES.indexOf(document.documentElement.lang));

// Nobody has chosen yet: the language of the page.
export const speak = language => { column = Math.max(0, LANGUAGES.indexOf(language || document.documentElement.lang)); };
export const spoken = () => LANGUAGES[column];
export const other = () => LANGUAGES[1 - column];
const fill = (text, parts) => text.replace(/\{(\d)\}/g, (_, i) => parts[i]);
export const say = (name, ...parts) => fill(ROOM[name][column], parts);
export const both = (name, ...parts) => ROOM[name].map(text => fill(text, parts));
export const tell = (name, ...parts) => fill(COURSE[name][column], parts);
